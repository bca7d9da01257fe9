"""Limits where a registry may send us: never closer to this machine than it is itself (server-side request forgery).

A registry may always redirect, link or point an upload or token service to its own host. Any other host is judged by
the address of the connection, because a name can resolve to any address. Pure; any thread.
"""

from __future__ import annotations

import contextlib
import enum
import ipaddress

from urllib3.exceptions import HTTPError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Addresses of the credentials of cloud machines: AWS (also ECS and EKS), Google, Azure, Oracle, Alibaba.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "168.63.129.16",
            "192.0.0.192",
            "100.100.100.200",
            "fd00:ec2::254",
            "fd00:ec2::23",
        ),
    )
)
# IPv6 addresses that contain an IPv4 address in their last bits: NAT64 (RFC 6052, RFC 8215), IPv4-compatible.
_EMBEDDING = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))


class Nearness(enum.Enum):
    """How close an address is to this machine."""

    PUBLIC = "public"
    PRIVATE = "private"
    LINK_LOCAL = "link-local"
    LOOPBACK = "loopback"
    METADATA = "metadata"
    NOWHERE = "nowhere"


class AddressNotAllowedError(HTTPError):
    """A host that the registry named is at *address*, where the registry may not send us.

    An HTTPError, so that it is handled like all other failures to connect.
    """

    def __init__(self, host: str, address: str) -> None:
        super().__init__(f"{host} is at {address}")
        self.host = host
        self.address = address


class AllowedAddresses:
    """The addresses that one registry may send us to, by its own address. Thread-safe."""

    def __init__(self, host: str) -> None:
        """*host*: of the registry, without port and brackets; used only if it is an address."""
        self._own: set[Address] = set()
        self.learn(host)

    def learn(self, address: str) -> None:
        """Record that the registry was reached at *address*."""
        found = _address(address)
        if found is not None:
            self._own = {*self._own, found}

    def check(self, host: str, address: str) -> None:
        """Raise AddressNotAllowedError if *host*, named by the registry, must not be connected to at *address*.

        A name instead of an address (behind a proxy, which resolves it) passes, unless it is this machine's own.
        """
        found = _address("127.0.0.1" if address.lower().rstrip(".") == "localhost" else address)
        if found is not None and not self._allows(found):
            raise AddressNotAllowedError(host, address)

    def _allows(self, address: Address) -> bool:
        near = nearness(address)
        if near is Nearness.PUBLIC or address in self._own:
            return True
        own = {nearness(one) for one in self._own}
        if near is Nearness.PRIVATE:
            return bool(own - {Nearness.PUBLIC})
        return near in (Nearness.LOOPBACK, Nearness.LINK_LOCAL) and near in own


def nearness(address: Address) -> Nearness:
    """How close *address* is. An IPv4 address inside an IPv6 address is treated as that IPv4 address."""
    address = _unwrapped(address)
    if address in _METADATA:
        return Nearness.METADATA
    if address.is_loopback or address.is_unspecified or address in ipaddress.ip_network("0.0.0.0/8"):
        return Nearness.LOOPBACK
    if address.is_link_local:
        return Nearness.LINK_LOCAL
    if address.is_multicast or int(address) == 0xFFFFFFFF:
        return Nearness.NOWHERE
    return Nearness.PUBLIC if address.is_global else Nearness.PRIVATE


def _address(text: str) -> Address | None:
    with contextlib.suppress(ValueError):
        return _unwrapped(ipaddress.ip_address(text.partition("%")[0]))
    return None


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
    if inner is not None:
        return inner
    if any(address in network for network in _EMBEDDING) and int(address) > 1:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
