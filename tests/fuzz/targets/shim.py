"""The compiled plugin before a real server: any environment, any configuration.

It ends by itself, prints JSON of CNI's form or nothing, and its exit code says the
same as what it prints.
"""

import json
from collections.abc import Iterable

from tests.calling import server_of
from tests.fuzz import shim
from tests.fuzz.choices import Choices, document, seed
from tests.fuzz.conversation import check
from tests.fuzz.targets.calls import CODES, CONFIGURATIONS, VALUES, Quiet, varied
from vcnd.log import log

OWN_CODES = {5, 11}
"""Of what the plugin itself refuses, besides the daemon's codes."""


def run(data: bytes) -> None:
    """Start the plugin once."""
    choices = Choices(data)
    environment = {**varied(choices), "CNI_NETNS": "/proc/self/ns/net"}
    pairs = {
        k.encode(): v.encode("utf-8", "surrogateescape") for k, v in environment.items()
    }
    verbs = Quiet()
    with log.collected() as events:
        done = shim.call(
            server_of(verbs).serve, pairs, document(choices, CONFIGURATIONS)
        )
    check(events)
    if done.returncode not in (0, 1) or done.stderr:
        raise AssertionError(f"exit code {done.returncode}, {done.stderr!r}")
    answer = json.loads(done.stdout) if done.stdout else {}
    if done.returncode == 1 and answer["code"] not in CODES | OWN_CODES:
        raise AssertionError(f"a refusal with {answer}")
    if done.returncode == 0 and "code" in answer:
        raise AssertionError(f"success with {answer}")
    if verbs.added and done.returncode != 0:
        raise AssertionError("a refused call added")


def seeds() -> Iterable[bytes]:
    """Return calls of each verb."""
    for command in range(len(VALUES)):
        yield bytes([command, 0]) + seed(command % len(CONFIGURATIONS))
