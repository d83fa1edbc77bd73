"""What network policies are about, from files: for a node without an API server."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Never

import trio
from msgspec.structs import replace

from vcnd.kube.policy import pods as policy_pods
from vcnd.kube.policy.manifests import ManifestError, Manifests, read, unnamed
from vcnd.kube.policy.parts import in_words
from vcnd.log import log
from vcnd.model.policy import Attached, Cluster, Known, PolicyPod, Tier
from vcnd.model.policy_status import AwaitedStatus, FlawedStatus, FollowedStatus
from vcnd.regular import read_regular
from vcnd.signals import Latch

LOOK_SECONDS = 0.25
SUFFIXES = (".yaml", ".yml", ".json")

Stamp = tuple[int, int, int]
"""A file's inode, size and time of change: one that differs is read again."""


class PolicyFiles:
    """Reads the files of a directory, and again those that change.

    A file that cannot be read stays as it was; one that never could be read is missing,
    so nothing is known before it is mended: a rule may stand in it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stamps: Mapping[Path, Stamp] | None = None
        self._files: dict[Path, Manifests] = {}
        self._problem = ""
        self._changed = Latch()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Look at the files for ever."""
        task_status.started()
        while True:
            self._look()
            await trio.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        """Read what has changed."""
        try:
            stamps = dict(_stamps(self._directory))
        except OSError as error:
            self._tell(f"{self._directory}: {error.strerror}")
            return
        self._tell("")
        before = self._stamps or {}
        if stamps == self._stamps:
            return
        self._files = {path: x for path, x in self._files.items() if path in stamps}
        for path, stamp in stamps.items():
            if before.get(path) != stamp:
                self._read(path)
        self._stamps = stamps
        self._changed.set()

    def _tell(self, problem: str) -> None:
        """Log once why the directory cannot be read."""
        if problem and problem != self._problem:
            log.error("policy_files_unreadable", reason=problem)
        self._problem = problem

    def _read(self, path: Path) -> None:
        try:
            found = read(read_regular(path).decode())
        except (OSError, ManifestError, UnicodeDecodeError) as error:
            log.error("policy_file_refused", file=str(path), reason=str(error))
            return
        self._files[path] = found

    async def until_changed(self) -> None:
        """Return when something has changed since the last return."""
        await self._changed.wait()

    def report(self) -> FollowedStatus:
        """Return what is known of the cluster."""
        stamps = self._stamps or {}
        awaited = [str(path) for path in stamps if path not in self._files]
        if self._stamps is None:
            awaited.append(str(self._directory))
        files = self._files.values()
        policies = [x for file in files for x in file.policies]
        return FollowedStatus(
            synced=not awaited,
            awaited=tuple(AwaitedStatus(kind=x, reason=self._problem) for x in awaited),
            namespaces=sum(len(file.namespaces) for file in files),
            pods=sum(len(file.pods) for file in files),
            policies=sum(x.policy.ref.tier is Tier.NAMESPACE for x in policies),
            cluster_policies=sum(
                x.policy.ref.tier is not Tier.NAMESPACE for x in policies
            ),
            flawed=tuple(
                FlawedStatus(policy=str(x.policy.ref), flaws=in_words(x.flaws))
                for x in policies
                if x.flaws
            ),
        )

    def named(self, here: Sequence[Attached]) -> Sequence[Attached]:
        """Return the pods' links as they are: no uid of a file is one of these."""
        return here

    def cluster(self, here: Known) -> Cluster | None:
        """Return what decides about packets; None before all of it is known.

        Args:
            here: addresses of pods on this node; they count more than the files'.
        """
        if self._stamps is None or self._stamps.keys() != self._files.keys():
            return None
        pods = tuple(self._pods(here))
        named = [x for file in self._files.values() for x in file.namespaces]
        lacking = {pod.namespace for pod in pods} - {x.metadata.name for x in named}
        return Cluster(
            namespaces=policy_pods.namespaces((*named, *map(unnamed, lacking))),
            pods=pods,
            policies=tuple(
                x.policy for file in self._files.values() for x in file.policies
            ),
        )

    def _pods(self, here: Known) -> Iterator[PolicyPod]:
        for file in self._files.values():
            for found in file.pods:
                meta = found.metadata
                addresses = here.get((meta.namespace, meta.name), ())
                pod = policy_pods.pod(found, addresses)
                if pod is not None:
                    # No uid of a file is one that the runtime knows.
                    yield replace(pod, uid="")


def _stamps(directory: Path) -> Iterator[tuple[Path, Stamp]]:
    for path in sorted(directory.iterdir()):
        if path.suffix in SUFFIXES:
            with suppress(FileNotFoundError):  # it has gone meanwhile
                stat = path.stat()
                yield path, (stat.st_ino, stat.st_size, stat.st_mtime_ns)
