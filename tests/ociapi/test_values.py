"""Valid and invalid values of OCI."""

from ipaddress import ip_address

import pytest

from vcnd.model.family import Family
from vcnd.ociapi.values import check_address, check_block, check_mac, check_network


@pytest.mark.parametrize("text", ["10.0.0.1", "169.254.0.9", "fd00::1", "fe80::200"])
def test_address_of_a_vnic_is_returned(text: str) -> None:
    assert check_address(text) == ip_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "banana", "10.0.0", "10.0.0.256", "10.0.0.1/24", " 10.0.0.1"),
        *("0.0.0.0", "127.0.0.1", "224.0.0.1"),  # noqa: S104 - no socket is bound
        *("::", "::1", "ff02::1", "fe80::1%eth0"),
    ],
)
def test_address_of_no_vnic_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no address of a VNIC|does not appear"):
        check_address(text)


@pytest.mark.parametrize("text", ["02:00:17:00:00:01", "AA:bb:0C:dd:EE:ff"])
def test_mac_address_passes(text: str) -> None:
    check_mac(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "02:00:17:00:00", "02:00:17:00:00:01:02", "02-00-17-00-00-01"),
        *("0200.1700.0001", "02:00:17:00:00:0g", "02:00:17:00:00:01\n"),
    ],
)
def test_other_text_is_no_mac_address(text: str) -> None:
    with pytest.raises(ValueError, match="no MAC address"):
        check_mac(text)


FOUR, SIX = Family.IPV4, Family.IPV6


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("10.1.0.0/16", FOUR),
        ("10.0.0.0/8", FOUR),
        ("fd00::/64", SIX),
        ("8000::/1", SIX),
    ],
)
def test_network_of_the_family_passes(text: str, family: Family) -> None:
    check_network(text, family)


@pytest.mark.parametrize(
    ("text", "family", "words"),
    [
        ("fd00::/64", FOUR, "no IPv4 network"),
        ("10.1.0.0/16", SIX, "no IPv6 network"),
        ("0.0.0.0/0", FOUR, "no subnet"),
        ("::/0", SIX, "no subnet"),
        ("10.1.0.1/16", FOUR, "has host bits set"),
        ("10.1.0.0/33", FOUR, "does not appear"),
        ("", FOUR, "does not appear"),
    ],
)
def test_other_network_is_refused(text: str, family: Family, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_network(text, family)


@pytest.mark.parametrize(
    ("address", "prefix_length"),
    [
        *(("10.0.0.0", 16), ("10.0.0.4", 30), ("10.0.0.5", 32)),
        *(("fd00::", 80), ("fd00::10", 124), ("fd00::1", 128)),
    ],
)
def test_aligned_block_passes(address: str, prefix_length: int) -> None:
    check_block(address, prefix_length)


@pytest.mark.parametrize(
    ("address", "prefix_length", "words"),
    [
        ("10.0.0.0", 15, "a subnet is smaller"),
        ("fd00::", 79, "a subnet is smaller"),
        ("10.0.0.2", 30, "has host bits set"),
        ("fd00::8", 124, "has host bits set"),
        ("10.0.0.0", 33, "does not appear"),
        ("fd00::", 129, "does not appear"),
    ],
)
def test_block_that_oci_cannot_give_is_refused(
    address: str, prefix_length: int, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        check_block(address, prefix_length)
