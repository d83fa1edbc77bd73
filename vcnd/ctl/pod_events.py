"""A pod's Kubernetes Events, as ``kubectl vcnd explain`` shows them.

They outlive the pod by an hour (the API server's ``--event-ttl``), and come from all
that had to do with it: scheduler, kubelet, controllers, vcnd.
https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
"""

from datetime import datetime
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding

from vcnd.ctl.amounts import counted, duration
from vcnd.ctl.screen import BAD, DIM, DOUBT, HEAD, cell, table

WARNING = "Warning"
KUBELET = "kubelet"


class _Camel(msgspec.Struct, rename="camel", kw_only=True):
    """Objects of Kubernetes: unknown fields are ignored."""


class _Source(_Camel):
    component: str = ""
    host: str = ""


class _Series(_Camel):
    count: int = 0
    last_observed_time: datetime | None = None


class _Involved(_Camel):
    uid: str = ""


class _Metadata(_Camel):
    creation_timestamp: datetime | None = None


class _Event(_Camel):
    """The fields that are read; each source fills others of them."""

    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    involved_object: _Involved = msgspec.field(default_factory=_Involved)
    type: str | None = None
    reason: str | None = None
    message: str | None = None
    count: int | None = None
    source: _Source | None = None
    reporting_component: str | None = None
    reporting_instance: str | None = None
    series: _Series | None = None
    event_time: datetime | None = None
    last_timestamp: datetime | None = None

    @property
    def last(self) -> datetime | None:
        series = self.series.last_observed_time if self.series else None
        known = series, self.last_timestamp, self.event_time
        return next((t for t in known if t), self.metadata.creation_timestamp)


class PodEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An Event of a pod."""

    type: str
    """``Normal`` or ``Warning``."""
    reason: str
    message: str
    source: str
    """Who reports it."""
    host: str
    """On which node; may be empty."""
    count: int
    seconds_ago: float | None
    """Since the last time; null: the Event has no time."""
    uid: str
    """The pod's."""

    @property
    def is_warning(self) -> bool:
        """Return True if it tells of something wrong."""
        return self.type == WARNING


class PodEvents(msgspec.Struct, frozen=True, kw_only=True):
    """The Events of a pod's name, the latest first."""

    events: tuple[PodEvent, ...] = ()
    unread: str = ""
    """Why they could not be read."""

    @property
    def node(self) -> str:
        """Return the node whose kubelet had the pod last; empty: none."""
        return next((e.host for e in self.events if e.source == KUBELET and e.host), "")

    @property
    def warnings(self) -> tuple[PodEvent, ...]:
        """Return those that tell of something wrong."""
        return tuple(e for e in self.events if e.is_warning)


def read(items: Any, *, now: float) -> PodEvents:
    """Return the Events of a list of the API server.

    Args:
        items: the list's.
        now: Unix time.
    """
    events = [_event(item, now) for item in msgspec.convert(items, list[_Event])]
    never = float("inf")
    events.sort(key=lambda e: never if e.seconds_ago is None else e.seconds_ago)
    return PodEvents(events=tuple(events))


def _event(told: _Event, now: float) -> PodEvent:
    source, series = told.source or _Source(), told.series or _Series()
    last = told.last
    return PodEvent(
        type=told.type or "",
        reason=told.reason or "",
        message=told.message or "",
        source=told.reporting_component or source.component,
        host=source.host or told.reporting_instance or "",
        count=max(told.count or 1, series.count),
        seconds_ago=None if last is None else max(0.0, now - last.timestamp()),
        uid=told.involved_object.uid,
    )


def screen_of(found: PodEvents, *, uid: str) -> RenderableType:
    """Return the warnings as they are shown.

    Args:
        found: the Events.
        uid: of the pod that there is now; empty: there is none.
    """
    if found.unread:
        return cell(f"Events could not be read: {found.unread}", DOUBT)
    if not found.warnings:
        return cell("no Event warns of this pod; Kubernetes keeps them for 1 h", DIM)
    rows = table("", "", "", "")
    for event in found.warnings:
        seconds = event.seconds_ago
        words = cell(event.reason, BAD)
        words.append_text(cell(f"  {event.message}"))
        if uid and event.uid != uid:
            words.append_text(cell("  (an earlier pod of this name)", DIM))
        rows.add_row(
            cell("" if seconds is None else f"{duration(seconds)} ago", DIM),
            cell("" if event.count == 1 else counted(event.count, "time"), DIM),
            cell(event.source, DIM),
            words,
        )
    return Group(cell("Events", HEAD), Padding(rows, (0, 0, 0, 2)))
