"""Sockets of a D-Bus, read from its address. No Qt here."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote


def bus_addresses(environ: Mapping[str, str]) -> list[str]:
    """Return the sockets where the session bus may listen, as Python writes AF_UNIX addresses (abstract ones with NUL).

    D-Bus Specification 0.42, "Server Addresses" and "Well-known Message Bus Instances". TCP is not supported.
    """
    given = environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if not given:
        return [f"{runtime}/bus"] if runtime else []
    return sockets(given)


def system_addresses(environ: Mapping[str, str]) -> list[str]:
    """Return the sockets where the system bus may listen, see :func:`bus_addresses`."""
    return sockets(environ.get("DBUS_SYSTEM_BUS_ADDRESS") or "unix:path=/var/run/dbus/system_bus_socket")


def sockets(given: str) -> list[str]:
    """Return the sockets in one list of addresses, given in D-Bus's own form."""
    found = []
    for address in given.split(";"):
        transport, _, rest = address.partition(":")
        options = dict(pair.partition("=")[::2] for pair in rest.split(",") if pair)
        if transport != "unix":
            continue
        if options.get("path"):
            found.append(unquote(options["path"]))
        elif options.get("abstract"):
            found.append("\0" + unquote(options["abstract"]))
    return found
