"""The server on a real Unix socket, with verbs that say what they were asked."""

import array
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from vcnd.model.errors import NotServingError, PoolEmptyError
from vcnd.model.interface import PodInterface
from vcnd.model.sandbox import Lease, PodRef, SandboxKey
from vcnd.serve.cni_server import REQUEST_SECONDS, CniServer

CONFIG = b'{"cniVersion":"1.0.0","name":"vcnd"}'
ADD = {
    "CNI_COMMAND": "ADD",
    "CNI_CONTAINERID": "abc",
    "CNI_NETNS": "/x",
    "CNI_IFNAME": "eth0",
}


class Verbs:
    """Answers what a test wants."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.added: list[SandboxKey] = []

    async def add(
        self,
        key: SandboxKey,
        pod: PodRef,
        netns: int,
        annotations: Mapping[str, str] | None = None,
    ) -> tuple[Lease, PodInterface]:
        assert os.fstat(netns)
        if self.failure:
            raise self.failure
        self.added.append(key)
        lease = Lease(key=key, address="10.1.0.5", netns_cookie=1, host_ifname="oci1")
        interface = PodInterface(host_ifname="oci1", host_mac="a", pod_mac="b", mtu=1)
        return lease, interface

    async def delete(self, key: SandboxKey) -> Lease | None:
        return None

    async def check(self, key: SandboxKey, netns: int, addresses: list[str]) -> None:
        raise AssertionError

    async def collect_garbage(
        self, network: str, valid: frozenset[tuple[str, str]]
    ) -> None:
        raise ZeroDivisionError

    def ready(self) -> None:
        raise NotServingError("not yet")

    def report(self) -> dict[str, Any]:
        return {"pool": {}}

    async def release_all(self) -> None:
        pass


@asynccontextmanager
async def serving(
    verbs: Verbs, path: Path | str, *, allowed_uid: int | None = None
) -> AsyncIterator[None]:
    listener = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with listener:
        await listener.bind(str(path))
        listener.listen(16)
        uid = os.getuid() if allowed_uid is None else allowed_uid
        async with trio.open_nursery() as calls:
            calls.start_soon(CniServer(verbs, allowed_uid=uid).serve, listener, calls)
            yield
            calls.cancel_scope.cancel()


def request_environment(environment: dict[str, str]) -> bytes:
    return b"".join(f"{k}={v}\0".encode() for k, v in environment.items())


def request(environment: dict[str, str], stdin: bytes = CONFIG) -> bytes:
    said = request_environment(environment)
    return b"vcnd 1 %d %d\n" % (len(said), len(stdin)) + said + stdin


async def exchange(
    path: Path | str, data: bytes, *, descriptors: int = 1, half: bool = False
) -> tuple[int, Any]:
    """Send bytes; return exit code and JSON, or (-1, None) when nothing comes."""
    with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        await sock.connect(str(path))
        rights = []
        if descriptors:
            fds = array.array("i", [0] * descriptors)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds.tobytes())]
        await sock.sendmsg([data], rights)
        if half:
            sock.shutdown(socket.SHUT_WR)
        reply = b""
        while chunk := await sock.recv(65536):
            reply += chunk
    header, _, body = reply.partition(b"\n")
    if not header:
        return -1, None
    code, length = header.split()
    assert int(length) == len(body)
    return int(code), json.loads(body) if body else None


async def test_add(tmp_path: Path) -> None:
    verbs = Verbs()
    async with serving(verbs, tmp_path / "s"):
        code, said = await exchange(tmp_path / "s", request(ADD))
        assert code == 0
        assert said["ips"][0]["address"] == "10.1.0.5/32"
        delete = {**ADD, "CNI_COMMAND": "DEL", "CNI_NETNS": ""}
        assert await exchange(tmp_path / "s", request(delete), descriptors=0) == (
            0,
            None,
        )


@pytest.mark.parametrize(
    ("data", "descriptors", "error_code"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 0, 6, id="http"),
        pytest.param(b"x" * 200, 0, 6, id="no-line"),
        pytest.param(b"vcnd 1 99 99999999\n", 0, 6, id="oversized"),
        pytest.param(request(ADD, b"{not json"), 1, 6, id="no-json"),
        pytest.param(request(ADD, b"[]"), 1, 6, id="no-object"),
        pytest.param(request({**ADD, "CNI_COMMAND": "FLY"}), 1, 4, id="unknown-verb"),
        pytest.param(
            request(ADD, b'{"cniVersion":"7.0.0","name":"vcnd"}'), 1, 1, id="version"
        ),
        pytest.param(request(ADD), 0, 8, id="no-namespace"),
        pytest.param(request(ADD), 2, 8, id="two-namespaces"),
        pytest.param(request(ADD), 40, 6, id="too-many-descriptors"),
        pytest.param(request({**ADD, "CNI_COMMAND": "STATUS"}), 0, 50, id="status"),
        pytest.param(
            request(
                {"CNI_COMMAND": "GC"},
                b'{"cniVersion":"1.1.0","name":"vcnd","cni.dev/valid-attachments":[]}',
            ),
            0,
            999,
            id="defect",
        ),
    ],
)
async def test_bad_calls_are_answered_and_the_daemon_lives(
    tmp_path: Path, data: bytes, descriptors: int, error_code: int
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    async with serving(Verbs(), tmp_path / "s"):
        code, said = await exchange(tmp_path / "s", data, descriptors=descriptors)
        assert code == 1
        assert said["code"] == error_code
        assert {"cniVersion", "code", "msg"} <= said.keys()
        assert (await exchange(tmp_path / "s", request(ADD)))[0] == 0
    await trio.testing.wait_all_tasks_blocked()
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.parametrize(
    "stdin", [b'"\x80"', b"[" * 50_000, b'{"name": "\xff"}', b'{"name": "\\ud800"}']
)
async def test_bytes_that_are_no_configuration(tmp_path: Path, stdin: bytes) -> None:
    async with serving(Verbs(), tmp_path / "s"):
        code, said = await exchange(tmp_path / "s", request(ADD, stdin))
    assert (code, said["code"]) == (1, 6)


def framed(environment: bytes, stdin: bytes) -> bytes:
    return b"vcnd 1 %d %d\n%s%s" % (len(environment), len(stdin), environment, stdin)


def assignments(names: Sequence[str]) -> st.SearchStrategy[bytes]:
    """Return variables with any bytes as their values."""
    pairs = st.tuples(st.sampled_from(names), st.binary(max_size=20))
    lists = st.lists(pairs.map(lambda p: p[0].encode() + b"=" + p[1] + b"\0"))
    return lists.map(b"".join)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(framed, st.binary(max_size=80), st.binary(max_size=80)),
        st.builds(
            framed,
            assignments([*ADD]).map(request_environment(ADD).__add__),
            st.binary(max_size=80) | st.just(CONFIG),
        ),
    ),
    st.integers(min_value=0, max_value=10),
)
async def test_any_bytes_are_answered_in_form(data: bytes, descriptors: int) -> None:
    """A frame with a result or an error of CNI; for half a request, nothing."""
    ours, theirs = trio.socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    rights = []
    if descriptors and data:
        fds = array.array("i", [0] * descriptors)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds.tobytes())]
    before = len(os.listdir("/proc/self/fd"))
    with theirs:
        if data:
            await theirs.sendmsg([data], rights)
        theirs.shutdown(socket.SHUT_WR)
        await CniServer(Verbs(), allowed_uid=os.getuid()).converse(ours)
        reply = b""
        while chunk := await theirs.recv(65536):
            reply += chunk
        assert len(os.listdir("/proc/self/fd")) == before - 1  # ours is closed
    if not reply:
        return
    header, _, body = reply.partition(b"\n")
    code, length = (int(part) for part in header.split())
    assert length == len(body)
    answer = json.loads(body) if body else {}
    assert answer.get("code") in ({None} if code == 0 else {1, 4, 6, 7, 8, 50})


async def test_half_a_request_is_dropped(tmp_path: Path) -> None:
    async with serving(Verbs(), tmp_path / "s"):
        data = request(ADD)
        for cut in (1, 10, len(data) - 1):
            said = await exchange(tmp_path / "s", data[:cut], half=True)
            assert said == (-1, None)
        assert (await exchange(tmp_path / "s", data))[0] == 0


async def test_a_failure_is_told_with_its_code_and_details(tmp_path: Path) -> None:
    verbs = Verbs()
    verbs.failure = PoolEmptyError("no free VCN address", details="subnet full")
    async with serving(verbs, tmp_path / "s"):
        code, said = await exchange(tmp_path / "s", request(ADD))
    assert code == 1
    assert (said["code"], said["details"]) == (11, "subnet full")


async def test_a_defect_is_told_without_its_insides(tmp_path: Path) -> None:
    verbs = Verbs()
    verbs.failure = RuntimeError("secret")
    async with serving(verbs, tmp_path / "s"):
        code, said = await exchange(tmp_path / "s", request(ADD))
    assert (code, said["code"]) == (1, 999)
    assert "secret" not in json.dumps(said)


async def test_other_users_are_refused() -> None:
    """Whoever is neither root nor the daemon's own user; seen by his credentials."""
    path = f"\0vcnd-test-{os.getpid()}"  # abstract: no file's rights stand before it
    async with serving(Verbs(), path, allowed_uid=12345):
        with as_nobody():
            code, said = await exchange(path, request(ADD))
    assert (code, said["code"]) == (1, 6)
    assert "may not call" in said["msg"]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Connect as an ordinary user, which a plain user's test run is already."""
    if os.getuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_idle_connections_are_let_go(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """A peer that sends no whole request holds nothing for long."""
    before = len(os.listdir("/proc/self/fd"))
    async with serving(Verbs(), tmp_path / "s"):
        with ExitStack() as clients:
            for number in range(300):
                client = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                await clients.enter_context(client).connect(str(tmp_path / "s"))
                if number % 2:
                    fds = array.array("i", [0]).tobytes()
                    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
                    await client.sendmsg([b"vcnd 1 9"], rights)
            await trio.sleep(REQUEST_SECONDS + 1)
            assert (await exchange(tmp_path / "s", request(ADD)))[0] == 0
            assert len(os.listdir("/proc/self/fd")) < before + 310
    await trio.testing.wait_all_tasks_blocked()
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_descriptors_of_the_wrong_kind_or_number_are_closed(
    tmp_path: Path,
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    async with serving(Verbs(), tmp_path / "s"):
        for number in (0, 2, 8, 9, 200):
            code, said = await exchange(
                tmp_path / "s", request(ADD), descriptors=number
            )
            assert (code, said["code"]) == (1, 8 if number <= 8 else 6)
        # Spread over many messages, too.
        with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            await sock.connect(str(tmp_path / "s"))
            fds = array.array("i", [0] * 8).tobytes()
            for byte in request(ADD)[:3]:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
                await sock.sendmsg([bytes([byte])], rights)
            assert b'"code":6' in await sock.recv(65536)
    await trio.testing.wait_all_tasks_blocked()
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_vcndctls_verbs(tmp_path: Path) -> None:
    async with serving(Verbs(), tmp_path / "s"):
        said = await exchange(
            tmp_path / "s", request({"CNI_COMMAND": "VCND_STATUS"}, b""), descriptors=0
        )
    assert said == (0, {"pool": {}})
