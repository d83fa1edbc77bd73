"""Filled templates are the bytes that the plain builders give."""

import pytest

from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink.messages import numbered
from vcnd.netlink.templates import Step, Template, requests

BLANK = 0x7E69647E
REQUEST, REQUEST_ACK = 0x1, 0x5


def steps(index: int) -> list[Step]:
    up, address = rtnl.link_up(index), rtnl.new_address(index, "10.0.0.1")
    return [("up", up), ("address", address)]


def test_value_goes_into_each_of_its_blanks() -> None:
    template = Template(requests(steps(BLANK)), index=BLANK.to_bytes(4, "little"))
    plain = Template(requests(steps(7)))
    assert template.fill(3, index=(7).to_bytes(4, "little")) == plain.fill(3)
    assert template.steps == ("up", "address")


def test_messages_are_numbered_in_turn() -> None:
    template = Template(requests(steps(7)))
    assert [number for number, *_ in numbered(template.fill(9))] == [9, 10]
    assert [number for number, *_ in numbered(template.fill(1))] == [1, 2]


def test_only_the_last_request_asks_for_an_acknowledgement() -> None:
    flags = [flags for _, _, flags, _ in numbered(Template(requests(steps(7))).fill(1))]
    assert [f & REQUEST_ACK for f in flags] == [REQUEST, REQUEST_ACK]


def test_short_value_is_padded_and_a_long_one_refused() -> None:
    down = rtnl.link_into_group("~" * 15, 1)
    template = Template(requests([("down", down)]), name=b"~" * 15)
    ((*_, body),) = numbered(template.fill(1, name=b"oci1"))
    assert b"oci1" + bytes(12) in body
    with pytest.raises(ValueError, match="at most 15 bytes"):
        template.fill(1, name=b"o" * 16)


def test_blank_that_is_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="not found"):
        Template(requests(steps(7)), index=b"none")
