"""PATCH of VCNs and subnets, which replaces their IPv6 blocks all or not at all."""

from collections.abc import Callable, Sequence
from ipaddress import IPv6Network
from typing import Any, TypeVar

import msgspec

from fakeoci.api.crud import changing
from fakeoci.api.details.base import decode
from fakeoci.api.details.patches import (
    PatchInstruction,
    PatchSubnetDetails,
    PatchVcnDetails,
)
from fakeoci.api.operations.networks import done
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world import networks, subnets
from fakeoci.world.cidrs import GUA
from fakeoci.world.errors import ServiceError, invalid, missing
from fakeoci.world.resources import Subnet, Vcn

N = TypeVar("N", Vcn, Subnet)

Replace = Callable[[Call, N, Any], None]
"""Replaces the part that a selection names by a value."""


def _brought(
    resource: Vcn | Subnet,
    wanted: Sequence[str],
    add: Callable[[str], None],
    remove: Callable[[str], None],
) -> None:
    """Replace an object's IPv6 blocks; if one is refused, restore them all."""
    present, version = list(resource.ipv6_cidr_blocks), resource.version
    undo: list[tuple[Callable[[str], None], str]] = []
    try:
        for block in [b for b in present if b not in wanted]:
            remove(block)
            undo.append((add, block))
        for block in [b for b in wanted if b not in present]:
            add(block)
            undo.append((remove, block))
    except ServiceError:
        for back, block in reversed(undo):
            back(block)
        resource.ipv6_cidr_blocks, resource.version = present, version
        raise


def _blocks(value: Any) -> list[str]:
    try:
        return msgspec.convert(value, list[str])
    except msgspec.ValidationError as error:
        raise invalid(f"value: {error}") from error


def _subnet_blocks(call: Call, subnet: Subnet, value: Any) -> None:
    world = call.world
    try:
        _brought(
            subnet,
            _blocks(value),
            lambda cidr: subnets.add_subnet_cidr(world, subnet, cidr, 6),
            lambda cidr: subnets.remove_subnet_cidr(world, subnet, cidr, 6),
        )
    except ServiceError:
        order, space = subnet.ipv6_cidr_blocks, world.blocks(subnet.id)[1]
        space.blocks.sort(key=lambda block: order.index(str(block)))
        raise


def _subnet_block(call: Call, subnet: Subnet, value: Any) -> None:
    _subnet_blocks(call, subnet, [] if value is None else [value])


def _is_oracles(block: str) -> bool:
    return IPv6Network(block).subnet_of(GUA)


def _vcn_blocks(call: Call, vcn: Vcn, wanted: list[str]) -> None:
    world = call.world
    _brought(
        vcn,
        wanted,
        lambda cidr: networks.add_vcn_ipv6(world, vcn, cidr),
        lambda cidr: networks.remove_vcn_cidr(world, vcn, cidr),
    )


def _private_blocks(call: Call, vcn: Vcn, value: Any) -> None:
    oracles = [b for b in vcn.ipv6_cidr_blocks if _is_oracles(b)]
    _vcn_blocks(call, vcn, [*oracles, *_blocks(value)])


def _public_block(call: Call, vcn: Vcn, value: Any) -> None:
    if value is not None:
        raise invalid("ipv6PublicCidrBlock is Oracle's: it can only be taken away")
    _vcn_blocks(call, vcn, [b for b in vcn.ipv6_cidr_blocks if not _is_oracles(b)])


def _no_byo(_call: Call, _vcn: Vcn, value: Any) -> None:
    if value:
        raise invalid("byoipv6CidrDetails: this fake has no BYOIPv6 ranges")


SUBNET: dict[str, Replace[Subnet]] = {
    "ipv6CidrBlock": _subnet_block,
    "ipv6CidrBlocks": _subnet_blocks,
}
VCN: dict[str, Replace[Vcn]] = {
    "ipv6PublicCidrBlock": _public_block,
    "ipv6PrivateCidrBlocks": _private_blocks,
    "byoipv6CidrDetails": _no_byo,
}
"""It lacks ipv6CidrBlock: no page says what that is for a VCN with several."""


def _patch(
    call: Call,
    resource: N,
    instructions: list[PatchInstruction],
    known: dict[str, Replace[N]],
) -> Result:
    if call.if_match is None:
        raise missing("if-match: a PATCH says which state it is about")
    if len(instructions) != 1:
        raise invalid("this fake takes one patch instruction at a time")
    instruction = instructions[0]
    if instruction.operation != "REPLACE" or instruction.selection not in known:
        raise invalid(
            f"{instruction.operation} of {instruction.selection!r}:"
            f" REPLACE of {', '.join(known)}"
        )
    known[instruction.selection](call, resource, instruction.value)
    return done(call, resource, f"PATCH_{type(resource).__name__.upper()}")


def _patch_subnet(call: Call) -> Result:
    details = decode(call.body, PatchSubnetDetails)
    subnet = changing(call, Subnet)
    return _patch(call, subnet, details.patch_subnet_instructions, SUBNET)


def _patch_vcn(call: Call) -> Result:
    details = decode(call.body, PatchVcnDetails)
    return _patch(call, changing(call, Vcn), details.patch_vcn_instructions, VCN)


OPERATIONS: tuple[Operation, ...] = (
    Operation("PatchVcn", "PATCH", "/vcns/{id}", _patch_vcn),
    Operation("PatchSubnet", "PATCH", "/subnets/{id}", _patch_subnet),
)
