"""The bytes of a watch, cut anywhere.

Lines are the same however a stream is cut; a stream that is no watch ends as
``KubeError``; a good line is taken in, whatever its pieces.
"""

import json
from collections.abc import Iterable

import trio
from trio.testing import MockClock

from tests.doubles.server import Reply, Server, kube
from tests.fuzz.choices import Choices, document
from tests.fuzz.memory_file import in_memory
from tests.fuzz.targets.lists import BODIES, EVENTS
from vcnd.install.identity import kubeconfig
from vcnd.kube.wire import Pod
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials
from vcnd.kubeapi.errors import KubeError

SAMPLES = [{"type": word, "object": BODIES[Pod]} for word in EVENTS]
MOST_LINES, MOST_PIECES = 4, 8
HEADERS: tuple[list[tuple[bytes, bytes]], ...] = (
    *([], [], []),
    [(b"content-encoding", b"gzip")],
    [(b"content-type", b"\xff")],
)
STATUSES = (200, 200, 200, 200, 204, 302, 401, 403, 404, 410, 429, 500, 599)


def run(data: bytes) -> None:
    """Watch a stream."""
    choices = Choices(data)
    status, headers = choices.pick(STATUSES), choices.pick(HEADERS)
    cuts = [choices.below(1 << 16) for _ in range(choices.below(MOST_PIECES))]
    lines = list[bytes]()
    while not choices.is_over and len(lines) < MOST_LINES:
        part = Choices(choices.take(1 + choices.below(64)))
        lines.append(document(part, SAMPLES))
    body = b"\n".join(lines)
    reply = Reply(status=status, headers=headers, body=_pieces(body, cuts))
    found = trio.run(_watch, reply, clock=MockClock(autojump_threshold=0))
    expected = body.split(b"\n")
    if found is not None and found != expected:
        raise AssertionError(f"{found} instead of {expected}")


def _pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted(cut % (len(body) + 1) for cut in cuts)
    starts = [0, *ends]
    return [body[s:e] for s, e in zip(starts, [*ends, len(body)], strict=True)]


async def _watch(reply: Reply) -> list[bytes] | None:
    """Return the lines; None: the server's answer is an error."""
    with in_memory(kubeconfig("https://api:6443", ca="", token="").encode()) as path:
        client = KubeClient(Credentials(path), kube(Server(lambda _: reply)))
        try:
            async with client.watch("/api/v1/pods", {}) as lines:
                return [line async for line in lines]
        except KubeError as error:
            if not str(error):
                raise AssertionError("an error that says nothing") from error
            return None
        finally:
            await client.aclose()


def seeds() -> Iterable[bytes]:
    """Return streams of a line, and of several."""
    body = json.dumps(SAMPLES[0]).encode()
    for status in range(len(STATUSES)):
        yield bytes([status, 0, 1, 40, 3, 64, 0, 0, 0]) + b"\x30" + body[:60]
    yield bytes([0, 0, 0, 3, 64, 1, 0, 0, 3, 64, 2, 0, 0])
