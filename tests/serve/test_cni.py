"""Each CNI verb's flow, its arguments and its answer."""

import json
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from tests.calling import interface_with
from vcnd.model.errors import BadNetnsError, NotServingError
from vcnd.model.family import Family
from vcnd.model.interface import GATEWAYS, PodInterface
from vcnd.model.phases import UNTIMED, Phase, Phases
from vcnd.model.sandbox import Lease, PodRef, SandboxKey
from vcnd.serve import cni_result
from vcnd.serve.cni import CniVerbs
from vcnd.serve.cni_call import Call

KEY, POD = SandboxKey("vcnd", "abc", "eth0"), PodRef(namespace="n", name="p", uid="u")
LEASE = Lease(key=KEY, addresses=("10.1.0.5",), wiring=None, pod=POD)
INTERFACE = interface_with({Family.IPV4})
NETNS = 7


class Flows:
    """Records its calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.lease: Lease | None = LEASE

    async def add(
        self,
        key: SandboxKey,
        pod: PodRef,
        netns: int,
        annotations: Mapping[str, str] | None = None,
        *,
        phases: Phases = UNTIMED,
    ) -> tuple[Lease, PodInterface]:
        phases.end(Phase.CLAIM)
        self.asked.append(("add", key, pod, netns, annotations))
        return LEASE, INTERFACE

    async def delete(
        self, key: SandboxKey, *, phases: Phases = UNTIMED
    ) -> Lease | None:
        phases.end(Phase.CLAIM)
        self.asked.append(("delete", key))
        return self.lease

    async def check(
        self,
        key: SandboxKey,
        netns: int,
        addresses: Collection[str],
        destinations: Mapping[str, int | None] | None = None,
    ) -> None:
        self.asked.append(("check", key, netns, addresses, destinations))

    async def collect_garbage(
        self, network: str, valid: frozenset[tuple[str, str]]
    ) -> None:
        self.asked.append(("collect_garbage", network, valid))

    def ready(self) -> None:
        self.asked.append(("ready",))


def verbs(flows: Flows) -> CniVerbs:
    return CniVerbs(
        sandboxes=flows, collect_garbage=flows.collect_garbage, ready=flows.ready
    )


def call(command: str, **more: Any) -> Call:
    return Call(
        command=command,
        cni_version="1.0.0",
        key=KEY,
        pod=POD,
        netns_path="/x",
        **more,
    )


ROUTE = {"dst": "0.0.0.0/0", "gw": GATEWAYS[Family.IPV4]}
PREVIOUS = {"ips": [{"address": "10.1.0.5/32"}], "routes": [ROUTE]}
VALID = frozenset({("abc", "eth0")})


@pytest.mark.parametrize(
    ("made", "descriptors", "asked"),
    [
        (call("ADD"), [NETNS], ("add", KEY, POD, NETNS, None)),
        (
            call("ADD", annotations={"a": "b"}),
            [NETNS],
            ("add", KEY, POD, NETNS, {"a": "b"}),
        ),
        (call("DEL"), [], ("delete", KEY)),
        (call("DEL"), [NETNS], ("delete", KEY)),
        (
            call("CHECK", previous=PREVIOUS),
            [NETNS],
            ("check", KEY, NETNS, ["10.1.0.5"], {"0.0.0.0/0": None}),
        ),
        (
            call("GC", valid_attachments=VALID),
            [],
            ("collect_garbage", "vcnd", VALID),
        ),
        (call("STATUS"), [], ("ready",)),
    ],
)
async def test_verb_calls_its_flow(
    made: Call, descriptors: list[int], asked: tuple[object, ...]
) -> None:
    flows = Flows()
    phases = Phases(lambda: 1.0)
    done = await verbs(flows).carry_out(made, descriptors, phases)
    assert flows.asked == [asked]
    added = made.command == "ADD"
    result = cni_result.render_result(made, LEASE, INTERFACE) if added else b""
    assert done.stdout == result
    assert done.is_logged is (made.command != "STATUS")
    assert (Phase.CLAIM in phases.seconds) is (made.command in ("ADD", "DEL"))


async def test_del_without_a_lease_succeeds() -> None:
    flows = Flows()
    flows.lease = None
    done = await verbs(flows).carry_out(call("DEL"), [], UNTIMED)
    assert (done.stdout, done.outcome) == (b"", {"address": None})


async def test_version_calls_no_flow() -> None:
    flows = Flows()
    done = await verbs(flows).carry_out(call("VERSION"), [], UNTIMED)
    answer = json.loads(done.stdout)
    assert answer["supportedVersions"] == ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]
    assert flows.asked == []


@pytest.mark.parametrize("command", ["ADD", "CHECK"])
@pytest.mark.parametrize("descriptors", [[], [NETNS, 8]])
async def test_verb_needs_one_namespace(command: str, descriptors: list[int]) -> None:
    flows = Flows()
    with pytest.raises(BadNetnsError, match=f"{len(descriptors)} descriptors came"):
        await verbs(flows).carry_out(call(command), descriptors, UNTIMED)
    assert flows.asked == []


async def test_refusal_of_a_flow_comes_out() -> None:
    def refuse() -> None:
        raise NotServingError("starting")

    flows = Flows()
    refusing = CniVerbs(
        sandboxes=flows, collect_garbage=flows.collect_garbage, ready=refuse
    )
    with pytest.raises(NotServingError, match="starting"):
        await refusing.carry_out(call("STATUS"), [], UNTIMED)
