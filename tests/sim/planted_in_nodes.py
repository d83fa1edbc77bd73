"""Bugs that are planted in vcnd, to show that the simulator finds such ones."""

from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any
from unittest import mock

import trio
from msgspec.structs import replace as msgspec_replace

from vcnd.core.policy.generations import _Changes
from vcnd.core.policy.rule_set import AJAR
from vcnd.flow.attach import Attacher
from vcnd.flow.changes import Changes
from vcnd.flow.dispatch import Dispatcher
from vcnd.flow.leases import Leases
from vcnd.flow.pool import Pool
from vcnd.model.records import Leased, RecoveredState
from vcnd.model.sandbox import Lease, SandboxKey
from vcnd.oci.cloud import OciCloud
from vcnd.ociapi.limiter import Limiter
from vcnd.policy import engine

Planting = Callable[[], Any]


def _patch(owner: type | ModuleType, name: str, by: Any) -> Planting:
    return lambda: mock.patch.object(owner, name, by)


async def _begin_without_a_wait(
    self: Leases, lease: Lease
) -> Callable[[], Awaitable[None]]:
    """The ADD is answered before its lease is durable."""
    self._pool.ledger.lease(lease)
    await self._journal.write(Leased(lease))
    return trio.lowlevel.checkpoint


def _restore_without_cooldown(self: Pool, recovered: RecoveredState) -> None:
    """What cools down when a daemon ends is free for the next one."""
    _restore(self, msgspec_replace(recovered, cooling=()))


async def _attach_with_a_new_token(self: Changes, *rest: Any) -> None:
    """A repeated AttachVnic has another token."""
    self._unsettled_attach = None
    await _attach(self, *rest)


async def _delete_by_pod(self: Attacher, key: SandboxKey, **rest: Any) -> Any:
    """A DEL ends what its pod has now, whichever sandbox it is for."""
    pods = self.__dict__.setdefault("pods", {})
    ledger = self._pool.ledger
    lease = ledger.lease_of(key)
    if lease is not None:
        pods[key] = lease.pod
    newer = [x for x in ledger.leases() if x.pod == pods.get(key)]
    return await _delete(self, newer[-1].key if newer else key, **rest)


def _is_never_ours(*_: Any) -> bool:
    """VNICs that the journal lacks are not adopted."""
    return False


def _is_always_ours(*_: Any) -> bool:
    """VNICs of others are adopted."""
    return True


def _never_lower_the_rate(self: Limiter) -> None:
    """A call that is throttled makes the others no slower."""
    del self


def _refuse_without_a_pause(self: Dispatcher, *_: Any) -> None:
    """What was refused is requested again at once."""


def _never_judge_anew(*_: Any) -> bool:
    """A chain that changes keeps its number, so live connections are not judged."""
    return False


_restore, _attach, _delete = Pool.restore, Changes._attach, Attacher.delete

PLANTED: dict[str, Planting] = {
    "journal order": _patch(Leases, "begin", _begin_without_a_wait),
    "cooldown": _patch(Pool, "restore", _restore_without_cooldown),
    "retry token": _patch(Changes, "_attach", _attach_with_a_new_token),
    "stale DEL": _patch(Attacher, "delete", _delete_by_pod),
    "adoption": _patch(OciCloud, "_is_ours", _is_never_ours),
    "others": _patch(OciCloud, "_is_ours", _is_always_ours),
    "limiter": _patch(Limiter, "refused", _never_lower_the_rate),
    "pause": _patch(Dispatcher, "_refused", _refuse_without_a_pause),
    "hold": _patch(engine, "HOLD", AJAR),
    "generation": _patch(_Changes, "judges_anew", _never_judge_anew),
}
