"""A region's endpoint: a world with its callers, faults, request log and answers."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from fakeoci.api.identity import Identities
from fakeoci.world import state
from fakeoci.world.errors import ServiceError
from fakeoci.world.world import World

CORE = "/20160918"
"""The path prefix of the Core, identity and work request APIs."""
CORE_NAME = "Core"
"""A fault of this name meets every operation of those APIs."""
RETRY_TOKEN_SECONDS = 24 * 3600.0
MOST_SECONDS = 55.0
"""A latency that is drawn is no longer (docs/oci.md#rates-and-latencies)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, authenticated."""

    world: World
    now: float
    operation: str
    principal: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    if_match: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An operation's answer."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API: its name, method, path and function."""

    name: str
    method: str
    path: str
    run: Callable[[Call], Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A line of the request log."""

    number: int
    at: float
    operation: str
    principal: str
    client: str
    status: int
    code: str
    opc_request_id: str
    seconds: float = 0.0
    """From the request's arrival to its answer."""
    fault: str = ""
    """The kind of the fault that the call met; empty: none."""
    retry_token: str = ""


@dataclass(slots=True, kw_only=True)
class Fault:
    """A fault of the next calls of an operation, by ``kind``.

    * ``before``: the call is refused and not carried out.
    * ``after``: the call is carried out, and the answer is lost.
    * ``cut``: the call is not carried out, and the connection is cut.
    * ``slow``: the call is carried out ``seconds`` late.
    * ``hang``: the call is not carried out; no answer comes until the client gives up.
    * ``garbled``: the call is carried out, and the answer is changed by the mutation
      ``how`` of ``fakeoci.api.garble``.
    * ``reset``: the call is not carried out; the connection is reset before a status
      line.
    * ``unreachable``: no connection is made.  Only ``mock_oci()`` can do this;
      elsewhere it is like ``cut``.
    """

    operation: str
    kind: str
    status: int = 500
    code: str = "InternalServerError"
    message: str = "a fault was asked for"
    seconds: float = 0.0
    how: str = ""
    times: int | None = 1
    """It ends after this number of calls; None: when it is removed."""
    rate: float = 1.0
    """The share of the operation's calls that meet it, from 0 to 1."""


class Service:
    """One region's endpoint."""

    def __init__(self, world: World, clock: Callable[[], float]) -> None:
        self.world = world
        self.clock = clock
        self.identities = Identities(world)
        self.records: deque[Recorded] = deque(maxlen=100_000)
        self.faults: list[Fault] = []
        self.occupants: dict[str, str] = {}
        """Address → the name of the pod or program that uses it, as an operator told.
        The cloud does not know it; only the console shows it.
        """
        self._numbered = 0
        self._answers: dict[tuple[str, str, str], tuple[float, str, Result]] = {}
        self._random = Random(world.names.seed)  # noqa: S311 - latencies, no secrets
        self._dice = Random(world.names.seed)  # noqa: S311 - faults, no secrets
        self._buckets: dict[str, tuple[float, float]] = {}

    def record(self, **fields: Any) -> None:
        """Write a line of the request log."""
        self._numbered += 1
        self.records.append(Recorded(number=self._numbered, at=self.clock(), **fields))

    def fault_for(self, *names: str) -> Fault | None:
        """Return the fault of a call of an operation, or None; count it as used."""
        return next((f for f in self._faults_of(names) if self._strikes(f)), None)

    def _faults_of(self, names: tuple[str, ...]) -> Iterator[Fault]:
        return (f for f in self.faults if f.operation in (*names, "*"))

    def _strikes(self, fault: Fault) -> bool:
        """Return True if the fault meets a call; count it as used then."""
        if fault.rate < 1 and self._dice.random() >= fault.rate:
            return False
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self.faults.remove(fault)
        return True

    def unreachable(self, *names: str) -> bool:
        """Return True if a call's fault is ``unreachable``; count that one as used."""
        fault = next(self._faults_of(names), None)
        if fault is None or fault.kind != "unreachable":
            return False
        return self._strikes(fault)

    def latency(self, operation: str) -> float:
        """Return this call's latency in seconds."""
        timing = self.world.settings.timing
        median = timing.latencies.get(operation, timing.latency_seconds)
        if timing.latency_sigma == 0:
            return median
        drawn = median * self._random.lognormvariate(0.0, timing.latency_sigma)
        return min(drawn, max(median, MOST_SECONDS))

    def throttle(self, principal: str, operation: str) -> None:
        """Raise 429 if a bucket is empty: the principal's own, or the tenancy's."""
        limits = self.world.settings.limits
        self._draw(f"{principal}/{operation}", limits.calls_per_second)
        self._draw("", limits.calls_per_second_in_all)

    def _draw(self, bucket: str, per_second: float) -> None:
        if per_second <= 0:
            return
        burst, now = float(self.world.settings.limits.burst), self.clock()
        tokens, at = self._buckets.get(bucket, (burst, now))
        tokens = min(burst, tokens + (now - at) * per_second)
        if tokens < 1:
            self._buckets[bucket] = (tokens, now)
            raise ServiceError(429, "TooManyRequests", "User-rate limit exceeded.")
        self._buckets[bucket] = (tokens - 1, now)

    # Retry tokens: within 24 h, the same token gets the same result

    def answered(
        self, principal: str, operation: str, token: str, body: bytes
    ) -> Result | None:
        """Return the result of an earlier call with this token, or None.

        Raises:
            ServiceError: 409, the earlier call had another body.
        """
        held = self._answers.get((principal, operation, token))
        if held is None or held[0] < self.clock() - RETRY_TOKEN_SECONDS:
            return None
        if held[1] != hashlib.sha256(body).hexdigest():
            raise ServiceError(
                409,
                "InvalidatedRetryToken",
                "The retry token was used with another request.",
            )
        return held[2]

    def remember(
        self, principal: str, operation: str, token: str, body: bytes, result: Result
    ) -> None:
        """Keep a result for later calls with the same token."""
        digest = hashlib.sha256(body).hexdigest()
        self._answers[(principal, operation, token)] = (self.clock(), digest, result)

    # State on disk

    def dump(self) -> bytes:
        """Return the world and the kept answers as a document."""
        answers = [
            [list(key), at, digest, result.status, result.body, dict(result.headers)]
            for key, (at, digest, result) in self._answers.items()
            if at > self.clock() - RETRY_TOKEN_SECONDS
        ]
        return state.dump(self.world, answers)

    def restore(self, data: bytes) -> None:
        """Restore the world and the kept answers from a document.

        Raises:
            StateError: the document cannot be used.
        """
        for key, at, digest, status, body, headers in state.restore(
            self.world, data, self.clock()
        ):
            principal, operation, token = key
            result = Result(status=status, body=body, headers=headers)
            self._answers[principal, operation, token] = (at, digest, result)
