"""Bytes at the daemon's socket.

Each whole request gets a reply in CNI's form, of a code that CNI or vcnd has; only a
valid ADD adds, and half a request gets no reply.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from tests.calling import ADD, Verbs, node_verbs
from tests.fuzz.choices import RAW, Choices, document, seed
from tests.fuzz.conversation import exchange
from vcnd.model.errors import NotServingError
from vcnd.model.sandbox import PodRef
from vcnd.serve.cni_call import parse_call
from vcnd.serve.cni_config import ANNOTATIONS
from vcnd.serve.verbs import COMMANDS

FRAMED = 128
ARGS = "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web;K8S_POD_UID=u1"
ENVIRONMENT = {**ADD, "CNI_ARGS": ARGS, "VCND_SHIM": "1000000 2000000"}
ATTACHMENTS = [{"containerID": "abc", "ifname": "eth0"}]
CONFIGURATIONS: tuple[dict[str, Any], ...] = (
    {"cniVersion": "1.0.0", "name": "vcnd"},
    {
        "cniVersion": "1.1.0",
        "name": "vcnd",
        "type": "vcnd-cni",
        "runtimeConfig": {ANNOTATIONS: {"vcnd.io/express": "false"}},
        "capabilities": {ANNOTATIONS: True},
        "args": {"cni": {}},
        "dns": {},
    },
    {
        "cniVersion": "0.4.0",
        "name": "vcnd",
        "prevResult": {
            "cniVersion": "0.4.0",
            "interfaces": [{"name": "eth0", "mac": "0a::1", "sandbox": "/x"}],
            "ips": [{"version": "4", "address": "10.1.0.5/32", "interface": 0}],
            "routes": [{"dst": "0.0.0.0/0", "gw": "169.254.1.1"}],
        },
    },
    {"name": "vcnd", "cniVersion": "1.1.0", "cni.dev/valid-attachments": ATTACHMENTS},
)
VALUES = (
    *("ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION", *COMMANDS, "", "eth0", "abc"),
    *("K8S_POD_NAME=x", ARGS, ";", "=", "K8S_POD_UID=;K8S_POD_UID=1", "\udc80", ".."),
    "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
)
CODES = {1, 4, 6, 7, 8, 50}
"""Of refused calls; 999, a defect, is none of them."""
DIGITS = set("0123456789.")


class Quiet(Verbs):
    """Verbs that carry every call out."""

    async def check(self, *_: Any, **__: Any) -> None:
        pass

    async def collect_garbage(
        self, network: str, valid: frozenset[tuple[str, str]]
    ) -> None:
        pass

    def ready(self) -> None:
        raise NotServingError("not yet")


def run(data: bytes) -> None:
    """Send a request."""
    choices = Choices(data)
    kind, cuts = choices.below(256), Choices(choices.take(4))
    if kind < RAW:
        send(choices.rest(), cuts)
        return
    environment = varied(choices)
    stdin = document(choices, CONFIGURATIONS) if kind < FRAMED else choices.rest()
    verbs, code = send(framed(environment, stdin), cuts)
    if code == 0 and verbs.added:
        call = parse_call(environment, json.loads(stdin or b"{}"))
        if verbs.added != [call.key]:
            raise AssertionError(f"{verbs.added} instead of {call.key}")
        read_again(call.pod)


def send(content: bytes, cuts: Choices) -> tuple[Verbs, int]:
    """Send bytes to new verbs; return these, and the exit code.

    Raises:
        AssertionError: the reply is not in CNI's form, or a refused call added.
    """
    verbs = Quiet()
    found = exchange(node_verbs(verbs), content, cuts)
    answer = json.loads(found.body) if found.body else {}
    if found.code not in (-1, 0, 1):
        raise AssertionError(f"exit code {found.code}")
    if found.code != 0 and verbs.added:
        raise AssertionError("a refused call added")
    if found.code == 1:
        version = answer["cniVersion"]
        if answer["code"] not in CODES or not answer["msg"] or set(version) - DIGITS:
            raise AssertionError(f"a refusal with {answer}")
    return verbs, found.code


def varied(choices: Choices) -> dict[str, str]:
    """Return an environment with some other variables."""
    found = {**ENVIRONMENT, "CNI_COMMAND": choices.pick(VALUES)}
    for _ in range(choices.below(4)):
        name = choices.pick([*ENVIRONMENT, "TRACEPARENT", "CNI_PATH"])
        value = choices.pick(VALUES) if choices.below(2) else choices.text()
        found[name] = value.replace("\0", "")
    return found


def framed(environment: Mapping[str, str], stdin: bytes) -> bytes:
    """Return a request, also with variables that are no text."""
    pairs = (f"{k}={v}\0" for k, v in environment.items())
    variables = "".join(pairs).encode(errors="surrogateescape")
    return b"vcnd 1 %d %d\n" % (len(variables), len(stdin)) + variables + stdin


def read_again(pod: PodRef) -> None:
    """Raise unless CNI_ARGS that name a pod are read as this pod."""
    args = (
        f"K8S_POD_NAMESPACE={pod.namespace};K8S_POD_NAME={pod.name}"
        f";K8S_POD_UID={pod.uid}"
    )
    again = parse_call({**ENVIRONMENT, "CNI_ARGS": args}, dict(CONFIGURATIONS[0])).pod
    if again != pod:
        raise AssertionError(f"{pod} is read back as {again}")


def seeds() -> Iterable[bytes]:
    """Return calls of each verb."""
    for stdin in CONFIGURATIONS:
        content = framed(ENVIRONMENT, json.dumps(stdin).encode())
        yield b"\0\1\0\0\0" + content
    for number, sample in product(range(len(VALUES)), range(len(CONFIGURATIONS))):
        yield bytes([RAW, 1, 0, 0, 0, number, 0]) + seed(sample)
