"""Plugin, daemon and vcnd-policy of other versions: they understand each other.

An upgrade replaces them one after the other.  The requests in ``golden`` are what the
first plugin sent, and what later ones send; a plugin that an upgrade has not reached
yet still sends the former.
"""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.calling import Verbs, exchange, request, serving
from tests.serve.test_policies import LEASE, telling
from tests.serve.test_policies import serving as answering
from tests.serve.test_policy_verbs import ADMISSION, VERBS, reply
from vcnd.model.cause import Cause
from vcnd.serve.policies import ADMIT

GOLDEN = Path(__file__).parent / "golden"
REQUESTS = {path.name: path.read_bytes() for path in GOLDEN.glob("request-*")}
ADDED = (
    '{"cniVersion":"1.0.0","interfaces":[{"name":"oci1","mac":"0e:00:00:00:00:01"},'
    '{"name":"eth0","mac":"0a::1","sandbox":"/proc/self/ns/net"}],"ips":[{"address":'
    '"10.1.0.5/32","gateway":"169.254.1.1","interface":1}],"routes":[{"dst":'
    '"0.0.0.0/0","gw":"169.254.1.1"}],"dns":{}}'
)
"""The answer as the first plugin printed it."""


@pytest.mark.parametrize("name", REQUESTS)
async def test_requests_of_earlier_plugins_are_answered(
    name: str, tmp_path: Path
) -> None:
    verbs = Verbs()
    async with serving(verbs, tmp_path / "s"):
        code, answer = await exchange(tmp_path / "s", REQUESTS[name])
    assert (code, answer) == (0, json.loads(ADDED))
    assert [key.container_id for key in verbs.added] == ["c0ffee"]


@pytest.mark.parametrize("protocol", [2, 3])
async def test_newer_plugins_are_told_what_to_do(tmp_path: Path, protocol: int) -> None:
    """The reply has the one form that every plugin reads."""
    verbs = Verbs()
    data = REQUESTS["request-with-times"].replace(b"vcnd 1 ", b"vcnd %d " % protocol, 1)
    async with serving(verbs, tmp_path / "s"):
        code, answer = await exchange(tmp_path / "s", data)
    assert (code, answer["code"], verbs.added) == (1, 6, [])
    assert answer["msg"] == f"vcnd-cni speaks protocol {protocol}, this vcnd 1"
    assert "install them together" in answer["details"]


async def test_variables_of_newer_plugins_are_passed_over(tmp_path: Path) -> None:
    environment = {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "c0ffee",
        "CNI_NETNS": "/proc/self/ns/net",
        "CNI_IFNAME": "eth0",
        "CNI_TOMORROW": "x",
        "VCND_SHIM": "7 8 9 tomorrow",
    }
    async with serving(Verbs(), tmp_path / "s"):
        config = b'{"cniVersion":"1.0.0","name":"vcnd","tomorrow":{"x":[1]}}'
        data = request(environment, config)
        assert await exchange(tmp_path / "s", data) == (0, json.loads(ADDED))


@pytest.mark.parametrize(
    "question",
    [
        {"tomorrow": {"x": [1]}},  # a newer daemon tells more
        {},
    ],
)
async def test_questions_of_other_daemons_are_answered(question: Any) -> None:
    asked = {
        "link": ADMISSION.link,
        "addresses": list(ADMISSION.addresses),
        "namespace": ADMISSION.namespace,
        "name": ADMISSION.name,
        **question,
    }
    code, body = await reply(VERBS, ADMIT, json.dumps(asked).encode())
    assert (code, body) == (b"0", b"{}")


async def refused_verb() -> bytes:
    """Return what vcnd-policy answers to a verb of a newer daemon."""
    code, body = await reply(VERBS, "VCND_POLICY_TOMORROW")
    return b"%s %d\n%s" % (code, len(body), body)


async def test_verbs_of_newer_daemons_are_refused_by_name() -> None:
    refusal = json.loads((await refused_verb()).partition(b"\n")[2])
    assert refusal["code"] == 6
    assert "has no verb 'VCND_POLICY_TOMORROW'" in refusal["msg"]


async def test_add_goes_on_without_a_verb_of_vcnd_policy(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    policies = answering(nursery, tmp_path / "s", telling(await refused_verb()))
    fault = await policies.admit(LEASE)
    assert fault is not None
    assert fault.cause is Cause.BAD_ANSWER
    assert "vcnd-policy has no verb" in fault.reason
    nursery.cancel_scope.cancel()


async def test_answers_of_newer_policy_processes_are_taken(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    newer = b'{"tomorrow": {"x": [1]}}'
    reply = b"0 %d\n%s" % (len(newer), newer)
    policies = answering(nursery, tmp_path / "s", telling(reply))
    assert await policies.admit(LEASE) is None
    nursery.cancel_scope.cancel()


async def test_gate_that_is_refused_is_offered_now_and_then(
    autojump_clock: MockClock, nursery: trio.Nursery, tmp_path: Path
) -> None:
    refusal, asked = await refused_verb(), list[float]()

    async def refusing(stream: trio.SocketStream) -> None:
        asked.append(trio.current_time())
        await telling(refusal)(stream)

    async def gate() -> int:
        return 0

    policies = answering(nursery, tmp_path / "s", refusing)
    with trio.move_on_after(100):
        await policies.lend_gate(gate, Random(1))
    assert 100 / 5 <= len(asked) <= 60
    nursery.cancel_scope.cancel()
