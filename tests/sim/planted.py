"""Bugs that tests plant in vcnd, to see that a simulation finds them."""

import re

import pytest
from msgspec.structs import replace

from vcnd.core.policy import generations
from vcnd.kube.wire import NativePodNetwork
from vcnd.kube.writes import Writer
from vcnd.kubeapi.cache import Cache
from vcnd.kubeapi.doubt import Doubt
from vcnd.kubeapi.errors import KubeError, refusal
from vcnd.kubeapi.reflector import Reflector
from vcnd.kubeapi.wire import Meta
from vcnd.model.report import NodeReport

NEWEST = re.compile(r"\((\d+)\)")
"""The version that a server names which says that another one is too old."""


def keep_numbers(patch: pytest.MonkeyPatch) -> None:
    """A chain that changes keeps its number, so live connections are not judged."""
    patch.setattr(generations._Changes, "judges_anew", lambda *_: False)


def keep_numbers_of_addresses(patch: pytest.MonkeyPatch) -> None:
    """The connections of addresses that leave sets keep their numbers."""
    patch.setattr(generations._Changes, "_addresses", lambda *_: frozenset())


def resume_one_later(patch: pytest.MonkeyPatch) -> None:
    """A watch goes on from the version after the one that was reached."""

    def move_on(self: Cache, meta: Meta) -> None:  # type: ignore[type-arg]
        if meta.resource_version:
            self.resource_version = str(int(meta.resource_version) + 1)

    patch.setattr(Cache, "_move_on", move_on)


def never_doubt(patch: pytest.MonkeyPatch) -> None:
    """A watch that was cut goes on from any version, also of a restored server."""
    patch.setattr(Doubt, "rise", lambda *_: None)


def resume_after_410(patch: pytest.MonkeyPatch) -> None:
    """After 410 a watch goes on from the server's newest version, without a list."""
    right = Cache._error

    def error(self: Cache, raw: object) -> KubeError:  # type: ignore[type-arg]
        found: KubeError = right(self, raw)  # type: ignore[arg-type]
        newest = NEWEST.search(found.message)
        if newest is None:
            return found
        self.resource_version = newest.group(1)
        return refusal(found.what, 500, found.reason, found.message)

    patch.setattr(Cache, "_error", error)


def status_by_name(patch: pytest.MonkeyPatch) -> None:
    """A status that was written once is not written to an object that replaces it."""
    right = Writer._status

    async def status(
        self: Writer,
        report: NodeReport,
        found: NativePodNetwork,
        networks: Reflector[NativePodNetwork],
    ) -> None:
        same = replace(found, metadata=replace(found.metadata, uid="any"))
        await right(self, report, same, networks)

    patch.setattr(Writer, "_status", status)
