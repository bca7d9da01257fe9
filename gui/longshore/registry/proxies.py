"""The proxy for an address, from the environment as engines read it (golang.org/x/net/http/httpproxy). No I/O."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from longshore.registry.config import is_loopback


def proxy_for(url: str, environ: Mapping[str, str]) -> str:
    """The URL of the proxy for *url*, empty for none. Any thread.

    Reads ``HTTPS_PROXY``, ``HTTP_PROXY`` and, as curl does, ``ALL_PROXY``, in upper or lower case (upper wins).
    ``NO_PROXY`` takes ``*``, hosts and domains (with their subdomains; ``.example.com`` covers only subdomains),
    ``host:port``, addresses and address ranges (``10.0.0.0/8``). This machine is never reached through a proxy.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if is_loopback(host):
        return ""
    proxy = _variable(environ, f"{parts.scheme}_proxy") or _variable(environ, "all_proxy")
    if parts.scheme == "http" and "REQUEST_METHOD" in environ:
        proxy = ""  # CVE-2016-5385: in a CGI, HTTP_PROXY is a header of the request
    if not proxy or _excluded(host, parts.port or (443 if parts.scheme == "https" else 80), environ):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _variable(environ: Mapping[str, str], name: str) -> str:
    return (environ.get(name.upper()) or environ.get(name) or "").strip()


def _excluded(host: str, port: int, environ: Mapping[str, str]) -> bool:
    address = None
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
    for entry in _variable(environ, "no_proxy").lower().replace(",", " ").split():
        if entry == "*":
            return True
        if "/" in entry:
            with contextlib.suppress(ValueError):
                if address is not None and address in ipaddress.ip_network(entry, strict=False):
                    return True
            continue
        name, number = _split_port(entry[1:] if entry.startswith("*.") else entry)
        if number not in ("", str(port)):
            continue
        if address is not None:
            with contextlib.suppress(ValueError):
                if address == ipaddress.ip_address(name):
                    return True
        elif name and (host == name or host.endswith("." + name.removeprefix("."))):
            return True
    return False


def _split_port(entry: str) -> tuple[str, str]:
    """Host without brackets, and port or "". An IPv6 address has a port only after its brackets."""
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and (":" not in name or name.startswith("[")):
        return name.strip("[]"), number
    return entry.strip("[]"), ""
