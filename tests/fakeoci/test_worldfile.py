"""World files: the default one is valid, and errors name the line."""

import pytest

from fakeoci.world.resources import Gateway, Instance, Subnet, Vcn
from fakeoci.world.worldfile import WorldFileError, default_text, parse


def test_default_world() -> None:
    world = parse(default_text())
    assert [v.display_name for v in world.all(Vcn)] == ["main", "peer"]
    assert len(list(world.all(Instance))) == 4
    assert world.named(Gateway, "to-main").peer_id == world.named(Gateway, "to-peer").id


def test_the_same_seed_makes_the_same_world() -> None:
    assert list(parse(default_text()).objects) == list(parse(default_text()).objects)
    other = parse(default_text().replace("seed = 1", "seed = 2"))
    assert list(other.objects) != list(parse(default_text()).objects)


def test_several_cidr_blocks() -> None:
    text = default_text().replace(
        'cidrs = ["10.1.0.0/20"]', 'cidrs = ["10.1.0.0/24", "10.1.9.0/24"]'
    )
    subnet = parse(text).named(Subnet, "pods")
    assert subnet.cidr_blocks == ["10.1.0.0/24", "10.1.9.0/24"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('kind = "nat"', 'kind = "gnat"', "a gateway is one of"),
        ('kind = "nat"', 'kindness = "nat"', "unknown field `kindness`"),
        ("attach_seconds = 2.0", 'attach_seconds = "soon"', "Expected `float`"),
        ('cidrs = ["10.1.0.0/20"]', 'cidrs = ["10.9.0.0/20"]', "no CIDR block of"),
        (
            'cidrs = ["10.1.0.0/20"]',
            'cidrs = ["10.1.0.1/20"]',
            "does not match network IP",
        ),
        ('subnet = "nodes"', 'subnet = "nowhere"', "no Subnet named 'nowhere'"),
        ('shape = "VM.Standard.E5.Flex"', 'shape = "VM.Big"', "unknown shape"),
        ('network = "office"', 'network = "attic"', "no on-premises network"),
        ('host = "172.16.0.10"', 'host = "172.17.0.10"', "is not in 172.16.0.0/24"),
        ('{ to = "0.0.0.0/0", by', '{ to = "::/0", by', "the target of an IPv6 prefix"),
        ('protocol = "icmp"', 'protocol = "smoke"', "protocol is one of"),
        ("[timing]", "[timing", "Expected ']'"),
    ],
)
def test_mistakes_have_line_and_reason(old: str, new: str, reason: str) -> None:
    text = default_text()
    assert old in text
    broken = text.replace(old, new, 1)
    with pytest.raises(WorldFileError) as caught:
        parse(broken, name="my.toml")
    message = str(caught.value)
    assert reason in message
    assert message.startswith("my.toml")
    if "line" not in reason and "Expected ']'" not in reason:
        line = int(message.split("line ")[1].split(":", maxsplit=1)[0])
        wrong = broken.splitlines().index(
            next(x for x in broken.splitlines() if new in x)
        )
        # The key's own line if it is known, otherwise at worst its table's header.
        header = max(
            n for n in range(wrong + 1) if broken.splitlines()[n].startswith("[")
        )
        assert header <= line - 1 <= wrong


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ('ipv6_host = "::1"', "ipv6_cidr and ipv6_host need each other"),
        (
            'ipv6_cidr = "2001:db8::/64"\nipv6_host = "::1"',
            "ipv6_host ::1 is not in 2001:db8::/64",
        ),
    ],
)
def test_ipv6_on_premises_needs_prefix_and_host(keys: str, reason: str) -> None:
    text = default_text().replace("[[onprem]]", f"[[onprem]]\n{keys}")
    with pytest.raises(WorldFileError, match=reason):
        parse(text)
