"""The tracer stops a process at the step that was named, on either side of it."""

import errno
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from integration.crash import targets
from integration.crash.plan import Left, Plan
from integration.crash.reading import Place
from integration.crash.tracing import Tracer, running_tracer

WRITES = """
import os, sys, threading
sys.stdin.readline()
def work():
    for name in "abc":
        fd = os.open(f"{sys.argv[1]}/{name}", os.O_WRONLY | os.O_CREAT)
        try:
            os.write(fd, b"x")
            os.fdatasync(fd)
        except OSError as error:
            print(error.errno, flush=True)
        os.close(fd)
thread = threading.Thread(target=work)
thread.start()
thread.join()
print("done", flush=True)
sys.stdin.readline()
"""
"""Nine steps, in a thread that begins when it is traced."""


@asynccontextmanager
async def traced(
    directory: Path, plan: Plan
) -> AsyncIterator[tuple[Tracer, trio.Process]]:
    process = await trio.lowlevel.open_process(
        [sys.executable, "-c", WRITES, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    async with running_tracer() as tracer:
        try:
            place = Place(journal=str(directory), sockets=())
            tracer.forget()
            await tracer.attach(process.pid, place, plan)
            assert process.stdin is not None
            await process.stdin.send_all(b"go\n")
            yield tracer, process
        finally:
            process.kill()
            await process.wait()


async def until_killed(tracer: Tracer) -> Left:
    await tracer.killed_or(trio.Event())
    return await tracer.leave(0)


def content(directory: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in directory.iterdir()}


@pytest.mark.parametrize(
    ("step", "after", "left"),
    [
        (1, False, {}),
        (1, True, {"a": b""}),
        (2, False, {"a": b""}),
        (2, True, {"a": b"x"}),
        (5, False, {"a": b"x", "b": b""}),
        (9, True, {"a": b"x", "b": b"x", "c": b"x"}),
    ],
)
async def test_kill_comes_on_the_named_side_of_a_step(
    tmp_path: Path, step: int, left: dict[str, bytes], *, after: bool
) -> None:
    async with traced(tmp_path, Plan(step=step, after=after)) as (tracer, _):
        told = await until_killed(tracer)
    assert content(tmp_path) == left
    assert told.gone
    assert told.step is not None
    assert len(told.steps) == told.step.number == step


async def test_refused_call_has_no_effect_and_an_error(tmp_path: Path) -> None:
    async with traced(tmp_path, Plan(step=5, refuse=True)) as (tracer, process):
        assert process.stdout is not None
        said = b""
        while b"done" not in said:
            said += await process.stdout.receive_some()
        told = await tracer.leave(0)
        assert process.returncode is None  # it goes on without a tracer
    assert content(tmp_path) == {"a": b"x", "b": b"", "c": b"x"}
    assert said.split() == [str(told.error).encode(), b"done"]
    assert told.error in {errno.ENOSPC, errno.EIO}
    # The refused write has no sync behind it.
    assert [s.call for s in told.steps] == [
        *("openat", "write", "fdatasync", "openat", "write"),
        *("openat", "write", "fdatasync"),
    ]


async def test_without_a_plan_all_steps_are_seen(tmp_path: Path) -> None:
    async with traced(tmp_path, Plan()) as (tracer, process):
        assert process.stdout is not None
        assert b"done" in await process.stdout.receive_some()
        told = await tracer.leave(0)
    assert len(told.steps) == len(told.ends) == 9
    assert told.step is None
    assert not told.gone


def test_a_connection_that_is_cut_has_ended_at_both_ends() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        targets.cut(os.getpid(), ours.fileno())
        assert theirs.recv(1) == ours.recv(1) == b""
