"""Which addresses are public, whatever notation or tunnel hides them."""

from __future__ import annotations

import pytest

from bot.pictures.addresses import Reach

REFUSED = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1
127.255.255.254 168.63.129.16 169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1
192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255
198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::10.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::127.0.0.1
64:ff9b:1::8.8.8.8 100::1 2001::1 2001:0:7f00:1:: 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
2002:7f00:1:: 2002:a9fe:a9fe:: 2002:808:808:: 2606:4700::5efe:127.0.0.1
2606:4700::200:5efe:10.0.0.1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fd12:3456:789a::1 fe80::1
fe80::1%1 fe80::1%eth0 fe80::5efe:8.8.8.8 fec0::1 ff02::1 ff0e::1
"""

PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 162.159.128.233 168.63.129.17
172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001:81b::200e ::ffff:8.8.8.8 64:ff9b::8.8.8.8
2606:4700::5efe:8.8.8.8
"""

NO_ADDRESS = ["", "localhost", "127.1", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "1.1.1.1.", "::g"]


@pytest.mark.parametrize("address", REFUSED.split())
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not Reach().allows(address, 443)


@pytest.mark.parametrize("address", PUBLIC.split())
def test_what_is_public_is_allowed_on_the_ports_of_the_web(address: str) -> None:
    assert [Reach().allows(address, port) for port in (80, 443, 22, 8080)] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("host", NO_ADDRESS)
def test_a_name_or_another_spelling_is_no_address(host: str) -> None:
    assert not Reach().allows(host, 443)


def test_an_endpoint_that_is_named_is_let_through_on_its_port_only() -> None:
    reach = Reach(also=frozenset({("127.0.0.1", 8700)}))
    assert reach.allows("127.0.0.1", 8700)
    assert not reach.allows("127.0.0.1", 80)
    assert not reach.allows("127.0.0.2", 8700)
    assert not reach.allows("::ffff:127.0.0.1", 8700)
    assert not reach.allows("8.8.8.8", 8700)
