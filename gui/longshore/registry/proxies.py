"""Which proxy leads to an address: the environment's, as curl and Go read it. No I/O."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from longshore.registry.config import is_loopback


def proxy_for(url: str, environ: Mapping[str, str]) -> str:
    """The URL of the proxy for *url*, empty for none. Any thread.

    Reads ``https_proxy``, ``http_proxy`` and ``all_proxy`` in lower or upper case (lower wins). ``no_proxy`` takes
    ``*``, hosts, domains (their subdomains too), ``host:port``, addresses and address ranges (``10.0.0.0/8``). This
    machine is never asked for through a proxy.
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
    return (environ.get(name) or environ.get(name.upper()) or "").strip()


def _excluded(host: str, port: int, environ: Mapping[str, str]) -> bool:
    address = None
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
    for entry in _variable(environ, "no_proxy").lower().replace(",", " ").split():
        if entry == "*":
            return True
        if address is not None and "/" in entry:
            with contextlib.suppress(ValueError):
                if address in ipaddress.ip_network(entry, strict=False):
                    return True
            continue
        name, colon, number = entry.rpartition(":")
        if colon and number.isdigit() and (":" not in name or name.startswith("[")):
            if int(number) != port:
                continue
            entry = name
        entry = entry.strip("[]").removeprefix("*").lstrip(".")
        if entry and (host == entry or (address is None and host.endswith(f".{entry}"))):
            return True
    return False
