"""Networks of a VNIC's addresses outside its subnet's first block."""

import pytest

from vcnd.core.networks import further_networks
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.vnic import PrivateIp


@pytest.mark.parametrize(
    ("subnet_cidr", "addresses", "expected"),
    [
        ("10.1.0.0/24", [], ()),
        ("10.1.0.0/24", ["10.1.0.0", "10.1.0.255"], ()),
        ("10.1.0.0/24", ["10.1.1.0"], ("10.1.1.0/24",)),
        ("10.1.0.0/24", ["10.0.255.255"], ("10.0.255.0/24",)),
        ("10.1.0.0/16", ["10.1.200.7"], ()),
        ("10.1.0.0/28", ["10.1.0.16"], ("10.1.0.0/24",)),
        ("10.1.0.0/24", ["10.9.0.4", "10.9.0.5", "10.9.0.255"], ("10.9.0.0/24",)),
        ("10.1.0.0/24", ["10.9.0.4", "10.8.0.4"], ("10.8.0.0/24", "10.9.0.0/24")),
        ("10.1.0.0/24", ["fd00::4"], ()),
        ("10.1.0.0/24", ["fd00::4", "192.0.2.9"], ("192.0.2.0/24",)),
    ],
)
def test_addresses_outside_the_block_name_their_networks(
    subnet_cidr: str, addresses: list[str], expected: tuple[str, ...]
) -> None:
    private_ips = [
        PrivateIp(id=PrivateIpId(a), address=a, vnic_id=VnicId("v")) for a in addresses
    ]
    assert further_networks(subnet_cidr, private_ips) == expected


def test_block_is_judged_by_its_first_address() -> None:
    block = PrivateIp(
        id=PrivateIpId("b"), address="10.9.0.0", vnic_id=VnicId("v"), prefix_length=26
    )
    assert further_networks("10.1.0.0/24", [block]) == ("10.9.0.0/24",)
    assert further_networks("10.9.0.0/16", [block]) == ()
