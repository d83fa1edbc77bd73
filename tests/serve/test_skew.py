"""Plugin, daemon and vcnd-policy of other versions: they understand each other.

An upgrade replaces them one after the other.  The requests in ``golden`` are what the
first plugin sent, and what later ones send; a plugin that an upgrade has not reached
yet still sends the former.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.calling import Verbs, exchange, request, serving
from tests.serve.test_policy_verbs import ADMISSION, VERBS, reply
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


async def test_verbs_of_newer_daemons_are_refused_by_name() -> None:
    code, body = await reply(VERBS, "VCND_POLICY_TOMORROW")
    refusal = json.loads(body)
    assert (code, refusal["code"]) == (b"1", 6)
    assert "has no verb 'VCND_POLICY_TOMORROW'" in refusal["msg"]
