"""A bundle's journal, run through the pool, and compared with what the daemon told."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import TypeVar

import msgspec
import trio

from vcnd.config import Config
from vcnd.ctl.bundle.archive import Bundle, BundleError
from vcnd.ctl.bundle.sources import AUDIT, CONFIGURATION, JOURNAL, STATUS
from vcnd.flow import status
from vcnd.flow.pool import Pool
from vcnd.foreign import UNDECODABLE
from vcnd.journal.reading import JournalUnusableError, Reading, read
from vcnd.model.audit import AuditReport, Witness
from vcnd.model.express import ExpressState
from vcnd.model.records import RecoveredState
from vcnd.model.status import FamilyStatus, LeaseStatus, NodeStatus, VnicStatus

T = TypeVar("T")
NOTHING = "nothing"


class Subject(StrEnum):
    """What a divergence is about."""

    LEASE = "lease"
    VNIC = "vnic"
    ADDRESSES = "addresses"
    """How many addresses of a family."""
    CLOUD = "cloud"
    """An object that the cloud has otherwise, as the daemon's audit found."""


class Divergence(msgspec.Struct, frozen=True, kw_only=True):
    """Something that two witnesses of a bundle tell differently."""

    subject: Subject
    name: str
    journal: str
    """What the journal leads to; of the cloud's objects: what the daemon knows."""
    told: str
    """What the daemon told; of the cloud's objects: what the cloud has."""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """A replay; its names are an interface."""

    vcnd: str
    """The version that made the bundle."""
    made_at: float
    """Unix time, in seconds."""
    steady: bool
    """False if pods came or went while the bundle was made."""
    leases: int
    """How many leases the journal leads to."""
    vnics: int
    families: dict[str, FamilyStatus]
    damaged_lines: int
    unknown_lines: int
    """Lines of the journal that another version wrote."""
    divergences: tuple[Divergence, ...]
    unread: dict[str, str]
    """Parts that the bundle lacks, and why; what they tell was not compared."""


def replay(bundle: Bundle) -> Replayed:
    """Return what a bundle's journal leads to, and where that diverges.

    Raises:
        BundleError: the bundle has no journal that can be read.
    """
    reading = _journal(bundle)
    recovered = reading.replay.recovered(bundle.manifest.booted_seconds)
    modelled = trio.run(_modelled, _configuration(bundle), recovered)
    unread, found = dict[str, str](), list[Divergence]()
    told = _part(bundle, STATUS, NodeStatus, unread)
    if told is not None:
        found += _divergences(modelled, told)
    audit = _part(bundle, AUDIT, AuditReport, unread)
    if audit is not None:
        found += _cloud(audit)
        if Witness.CLOUD in audit.unread:
            unread[Witness.CLOUD] = audit.unread[Witness.CLOUD]
    return Replayed(
        vcnd=bundle.manifest.vcnd,
        made_at=bundle.manifest.made_at,
        steady=bundle.manifest.steady,
        leases=len(modelled.leases),
        vnics=len(modelled.vnics),
        families={str(family): n for family, n in modelled.families.items()},
        damaged_lines=len(reading.damaged),
        unknown_lines=len(reading.unknown),
        divergences=tuple(found),
        unread=unread,
    )


async def _modelled(config: Config, recovered: RecoveredState) -> NodeStatus:
    pool = Pool(
        config.pool_policy(),
        config.network(),
        config.limits(),
        config.namespace_policies(),
    )
    pool.restore(recovered)
    return status.report(pool, status.Surroundings(lane=ExpressState(on=False)))


def _journal(bundle: Bundle) -> Reading:
    note = bundle.manifest.members.get(JOURNAL)
    if note is None or note.missing or note.cut:
        why = note.missing if note is not None else ""
        raise BundleError(
            f"the bundle has no whole journal ({why or 'it was too large'}):"
            " nothing can be replayed"
        )
    try:
        return read(bundle.members[JOURNAL], "in the bundle")
    except JournalUnusableError as error:
        raise BundleError(str(error)) from error


def _configuration(bundle: Bundle) -> Config:
    text = bundle.members.get(CONFIGURATION, b"")
    try:
        config = msgspec.convert(tomllib.loads(text.decode()), Config)
        config.pool_policy()
    except UNDECODABLE:
        # What the journal leads to hardly depends on it.
        return Config()
    return config


def _part(bundle: Bundle, name: str, kind: type[T], unread: dict[str, str]) -> T | None:
    """Return a part's value; without it, None, and note why."""
    note = bundle.manifest.members.get(name)
    if note is None or note.missing:
        unread[name] = note.missing if note is not None else "not in the bundle"
        return None
    try:
        return msgspec.json.decode(bundle.members[name], type=kind)
    except UNDECODABLE as error:
        unread[name] = f"another version of vcnd told it: {error}"
        return None


def _divergences(modelled: NodeStatus, told: NodeStatus) -> Iterator[Divergence]:
    yield from _compared(
        Subject.LEASE,
        {_lease_key(x): _lease_text(x) for x in modelled.leases},
        {_lease_key(x): _lease_text(x) for x in told.leases},
    )
    yield from _compared(
        Subject.VNIC, _vnic_texts(modelled.vnics), _vnic_texts(told.vnics)
    )
    yield from _compared(
        Subject.ADDRESSES,
        {str(f): _counts_text(n) for f, n in modelled.families.items()},
        {str(f): _counts_text(n) for f, n in told.families.items()},
        absent=_counts_text(
            FamilyStatus(free=0, leased=0, cooling=0, deleting=0, doubted=0)
        ),
    )


def _compared(
    subject: Subject,
    journal: Mapping[str, str],
    told: Mapping[str, str],
    absent: str = NOTHING,
) -> Iterator[Divergence]:
    """Yield what differs.

    Args:
        subject: what it is about.
        journal: texts by name, of the journal.
        told: likewise, of the daemon.
        absent: the text of a name that is not there.
    """
    for name in sorted({*journal, *told}):
        here, there = journal.get(name, absent), told.get(name, absent)
        if here != there:
            yield Divergence(subject=subject, name=name, journal=here, told=there)


def _lease_key(lease: LeaseStatus) -> str:
    return f"{lease.network}/{lease.container_id}/{lease.ifname}"


def _lease_text(lease: LeaseStatus) -> str:
    parts = [*lease.addresses, lease.host_ifname or "no link", lease.pod or "no pod"]
    return " ".join(parts)


def _vnic_texts(vnics: Iterable[VnicStatus]) -> dict[str, str]:
    return {
        v.id: f"number {v.index}, {v.mac}, {v.address}, {v.addresses} addresses"
        for v in vnics
    }


def _counts_text(counts: FamilyStatus) -> str:
    # Which of the others are free is a matter of time and of changes under way.
    rest = counts.free + counts.cooling + counts.deleting + counts.doubted
    return f"{counts.leased} leased, {rest} others"


def _cloud(report: AuditReport) -> Iterator[Divergence]:
    """Yield what the daemon's audit of the cloud found."""
    for d in report.differences:
        if d.witness is Witness.CLOUD:
            yield Divergence(
                subject=Subject.CLOUD,
                name=f"{d.kind} {d.what}",
                journal=d.wanted or NOTHING,
                told=d.found or NOTHING,
            )
