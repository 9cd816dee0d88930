"""Which addresses a link may lead to: public ones, and those that the owner names.

The standard library's `is_global` alone lets loopback through inside IPv6 (NAT64, 6to4, ISATAP) and
knows nothing of addresses that clouds reserve in public ranges.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

_REFUSED = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and Alibaba's metadata service
        "168.63.129.16/32",  # Azure's host
        "192.0.0.0/24",  # protocol assignments, and Oracle's metadata service
        "192.88.99.0/24",  # relays of 6to4
        "198.18.0.0/15",  # benchmarks
        "224.0.0.0/3",  # multicast and reserved
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
_UNICAST = ip_network("2000::/3")
"""All of IPv6 that is given out so far."""
_NAT64 = ip_network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)
"""What stands before the IPv4 address in the lower half of an ISATAP address (RFC 5214)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where links may lead: ports of public addresses, and endpoints that are let through."""

    ports: frozenset[int] = frozenset({80, 443})
    also: frozenset[tuple[str, int]] = frozenset()
    """(address, port) in the address's shortest form; the local channel's own is one."""

    def allows(self, host: str, port: int) -> bool:
        """Whether a connection to this address may be opened; a name is no address."""
        try:
            # A scope (fe80::1%eth0) is the local network's own.
            address = ip_address(host)
        except ValueError:
            return False
        return (str(address), port) in self.also or (port in self.ports and is_public(address))

    def allows_port(self, port: int) -> bool:
        """Whether there is any address whose port this may be."""
        return port in self.ports or any(port == allowed for _, allowed in self.also)


PUBLIC = Reach()
"""The public internet and nothing else."""


def is_public(address: Address) -> bool:
    """Whether the address, and any IPv4 address inside it, belongs to the public internet."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        last = IPv4Address(int(address) & 0xFFFFFFFF)
        if address in _NAT64:
            return is_public(last)
        if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP and not is_public(last):
            return False
        if address not in _UNICAST:
            return False
    # Networks of the other version contain no address of this one.
    return address.is_global and not any(address in network for network in _REFUSED)
