"""The proxies that the environment names: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY. Pure; any thread.

They are read as the engine reads them (golang.org/x/net/http/httpproxy), so that both take the same way.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from longshore.registry.config import is_loopback

_DEFAULT_PORTS = {"http": 80, "https": 443}


def proxy_for(url: str, environ: Mapping[str, str]) -> str:
    """The URL of the proxy for *url*, empty for none. This machine is always reached directly."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if is_loopback(host):
        return ""
    if parts.scheme == "http" and "REQUEST_METHOD" in environ:
        return ""  # CVE-2016-5385: a CGI's HTTP_PROXY is a header of the request
    proxy = _value(environ, f"{parts.scheme}_proxy") or _value(environ, "all_proxy")
    if not proxy or _bypassed(host, parts.port or _DEFAULT_PORTS.get(parts.scheme, 0), _value(environ, "no_proxy")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _value(environ: Mapping[str, str], name: str) -> str:
    """Lower case goes before upper case, also where it is empty."""
    return environ.get(name, environ.get(name.upper(), "")).strip()


def _bypassed(host: str, port: int, exceptions: str) -> bool:
    """Names with what is below them, addresses, networks, each with a port or without, and ``*``."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    for entry in exceptions.lower().replace(",", " ").split():
        if entry == "*":
            return True
        if address is not None and "/" in entry:
            try:
                if address in ipaddress.ip_network(entry, strict=False):
                    return True
            except ValueError:
                pass
            continue
        name, wanted = _split_port(entry)
        if wanted not in (None, port):
            continue
        if address is not None:
            if name.strip("[]") == str(address):
                return True
            continue
        below = name.removeprefix("*")
        if host == below.lstrip(".") and not below.startswith("."):
            return True
        if host.endswith(below if below.startswith(".") else f".{below}"):
            return True
    return False


def _split_port(entry: str) -> tuple[str, int | None]:
    name, colon, port = entry.rpartition(":")
    if colon and port.isascii() and port.isdigit() and (":" not in name or name.endswith("]")):
        return name, int(port[:6])
    return entry, None
