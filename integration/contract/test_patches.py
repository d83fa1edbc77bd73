"""PATCH of VCNs and subnets by Oracle's clients."""

from typing import Any

import pytest
from oci.core import models
from oci.exceptions import ServiceError

from integration.contract.conftest import Oracle
from integration.contract.networks import dual_stack, made_vcn


def subnet_patch(selection: str, value: Any) -> models.PatchSubnetDetails:
    instruction = models.PatchSubnetReplaceInstruction(selection=selection, value=value)
    return models.PatchSubnetDetails(patch_subnet_instructions=[instruction])


def vcn_patch(selection: str, value: Any) -> models.PatchVcnDetails:
    instruction = models.PatchVcnReplaceInstruction(selection=selection, value=value)
    return models.PatchVcnDetails(patch_vcn_instructions=[instruction])


def test_a_subnets_prefixes_are_replaced(oracle: Oracle) -> None:
    network, subnet = oracle.network, dual_stack(oracle)
    got = network.get_subnet(subnet)
    other = got.data.ipv6_cidr_blocks[0].replace("::/64", ":0:5::/64")
    patch = subnet_patch("ipv6CidrBlocks", [other])
    answer = network.patch_subnet(subnet, patch, if_match=got.headers["etag"])
    assert oracle.done(answer).status == "SUCCEEDED"
    assert network.get_subnet(subnet).data.ipv6_cidr_blocks == [other]
    with pytest.raises(ServiceError) as caught:
        network.patch_subnet(subnet, patch, if_match=got.headers["etag"])
    assert caught.value.status == 412


def test_a_refused_patch_changes_nothing(oracle: Oracle) -> None:
    network, subnet = oracle.network, dual_stack(oracle)
    got = network.get_subnet(subnet)
    etag, before = got.headers["etag"], got.data.ipv6_cidr_blocks
    for patch in (
        subnet_patch("ipv6CidrBlocks", ["fd00::/64"]),
        subnet_patch("ipv6CidrBlocks", "nonsense"),
        subnet_patch("cidrBlock", "10.1.65.0/24"),
    ):
        with pytest.raises(ServiceError) as caught:
            network.patch_subnet(subnet, patch, if_match=etag)
        assert caught.value.status == 400
        etag = network.get_subnet(subnet).headers["etag"]
    assert network.get_subnet(subnet).data.ipv6_cidr_blocks == before
    with pytest.raises(ServiceError) as caught:
        network.patch_subnet(subnet, subnet_patch("ipv6CidrBlocks", []))
    assert caught.value.code == "MissingParameter"


def test_a_vcns_blocks_are_replaced(oracle: Oracle) -> None:
    network, vcn = oracle.network, made_vcn(oracle)

    def patched(selection: str, value: Any) -> list[str]:
        etag = network.get_vcn(vcn).headers["etag"]
        answer = network.patch_vcn(vcn, vcn_patch(selection, value), if_match=etag)
        oracle.done(answer)
        blocks: list[str] = network.get_vcn(vcn).data.ipv6_cidr_blocks
        return blocks

    (oracles,) = network.get_vcn(vcn).data.ipv6_cidr_blocks
    private = "fd00:1::/56"
    assert patched("ipv6PrivateCidrBlocks", [private]) == [oracles, private]
    assert patched("byoipv6CidrDetails", []) == [oracles, private]
    assert patched("ipv6PublicCidrBlock", None) == [private]
    with pytest.raises(ServiceError) as caught:
        patched("ipv6PublicCidrBlock", "2603:c020::/56")
    assert caught.value.status == 400
    with pytest.raises(ServiceError) as caught:
        patched("displayName", "x")
    assert caught.value.status == 400
