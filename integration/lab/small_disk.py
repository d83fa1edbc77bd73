"""A node's state on a small file system, and how to fill it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from fakeoci.fabric import netns
from integration.lab import pods
from integration.lab.cni_exec import CniError
from integration.lab.node import Node

SIZE = "size=64k"
MOST_TRIES = 60
SPARES = 5
"""Pods to delete when ADD is refused: where the record of an ADD does not fit, those
of two DELs may still do."""


@contextmanager
def small_disk(directory: Path) -> Iterator[None]:
    """Move a directory's files to a small file system, and back at the end."""
    files = {p.name: p.read_bytes() for p in directory.iterdir()}
    mount = ["/bin/mount", "-t", "tmpfs", "-o", SIZE, "none", str(directory)]
    subprocess.run(mount, check=True)
    try:
        for name, data in files.items():
            (directory / name).write_bytes(data)
        yield
        files = {p.name: p.read_bytes() for p in directory.iterdir()}
    finally:
        subprocess.run(["/bin/umount", "-l", str(directory)], check=True)
    for name, data in files.items():
        (directory / name).write_bytes(data)


def fill(directory: Path) -> Path:
    """Fill the file system of a directory; return the file that fills it."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return filler


async def use_what_is_left(node: Node) -> CniError | None:
    """Add and delete pods until the disk refuses; return ADD's error."""
    for number in range(MOST_TRIES):
        pod = await trio.to_thread.run_sync(pods.prepare, node, f"last{number}")
        try:
            await node.network().add(pod.attachment)
        except CniError as error:
            return error
        finally:
            await node.network().delete(pod.attachment, None)
            await trio.to_thread.run_sync(netns.remove, pod.netns)
    return None
