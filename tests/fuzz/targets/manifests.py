"""Manifests and files of a dry run: objects, or an error that says where."""

import json
from collections.abc import Iterable

from tests.fuzz.choices import RAW, Choices, seed, yaml_document
from tests.fuzz.memory_file import in_memory
from tests.fuzz.targets.lists import BODIES
from vcnd.ctl import policy_file
from vcnd.ctl.policy_asking import PolicyAsker
from vcnd.ctl.policy_file import FileError
from vcnd.ctl.telling import plain
from vcnd.kube.policy import manifests
from vcnd.kube.policy.manifests import ManifestError
from vcnd.kube.policy.proposals import ProposalError, proposal
from vcnd.kube.policy.wire import (
    CLUSTER_POLICY,
    NETWORK_POLICY,
    ClusterNetworkPolicy,
    NetworkPolicy,
    Pod,
)
from vcnd.kube.wire import Namespace
from vcnd.model.policy_questions import DryRunQuestion
from vcnd.serve.ask import AskError


def _named(kind: tuple[str, str], body: type) -> dict[str, object]:
    version, name = kind
    return {"apiVersion": version, "kind": name, **BODIES[body]}


SAMPLES = [
    _named(NETWORK_POLICY, NetworkPolicy),
    _named(CLUSTER_POLICY, ClusterNetworkPolicy),
    _named(("v1", "Pod"), Pod),
    _named(("v1", "Namespace"), Namespace),
]
SAMPLES.append({"kind": "List", "apiVersion": "v1", "items": SAMPLES[:2]})


def run(data: bytes) -> None:
    """Read a file both ways."""
    text = yaml_document(Choices(data), SAMPLES)
    _manifests(text.decode("utf-8", "replace"))
    try:
        with in_memory(text) as path:
            found = policy_file.read(path)
    except FileError as error:
        if not str(error):
            raise AssertionError("an error that says nothing") from error
        return
    for item in found:
        try:
            proposal(item.body)
        except ProposalError as error:
            if item.line_of(error.what) < 1:
                raise AssertionError(f"no line of {error.what}") from error
        else:
            _ask(item.body)


def _ask(body: object) -> None:
    """Ask nobody: what cannot be sent is refused before."""
    try:
        PolicyAsker("/nowhere").raw("VERB", DryRunQuestion(objects=[body]))
    except AskError as error:
        plain(str(error)).encode()


def _manifests(text: str) -> None:
    try:
        manifests.read(text)
    except ManifestError as error:
        if not str(error):
            raise AssertionError("an error that says nothing") from error


def seeds() -> Iterable[bytes]:
    """Return samples as JSON and as YAML."""
    for number, sample in enumerate(SAMPLES):
        yield seed(number)
        yield b"\0" + json.dumps(sample).encode()
    yield b"\0" + b"apiVersion: v1\nkind: Pod\nmetadata: &a {name: x}\n---\n- *a\n"
    yield (
        bytes([RAW - 1])
        + b"kind: Namespace\napiVersion: v1\nmetadata:\n  name: 2026-01-01\n"
    )
