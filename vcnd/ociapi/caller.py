"""Calls to one API of OCI: signed, at the rate that it bears, refusals learnt from."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec
import trio

from vcnd.model.metrics import Metric, MetricFamily, gauge
from vcnd.model.permissions import StatementStatus
from vcnd.model.status import BudgetStatus
from vcnd.model.urgency import Urgency
from vcnd.ociapi import wire
from vcnd.ociapi.errors import OciError, Verdict
from vcnd.ociapi.http import Answer, Principal, exchange
from vcnd.ociapi.limiter import MOST_PER_SECOND, Limiter
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.network import Client
from vcnd.ociapi.permissions import Permissions

RATE = gauge(
    "vcnd_oci_budget_calls_per_second",
    "How many calls per second the node sends at most now: 20, and less after 429.",
)
QUEUED = gauge("vcnd_oci_calls_queued", "Calls that wait for their turn now.")
METRICS: tuple[Metric, ...] = (RATE, QUEUED)


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """The services' URLs; an empty one follows from region and realm."""

    core: str = ""
    federation: str = ""


class _Session(msgspec.Struct, frozen=True, kw_only=True):
    """Whom we talk to, and who signs, once the region is known."""

    core_url: str
    principal: Principal


class Caller:
    """Calls the Core Services API; does not retry."""

    def __init__(
        self,
        *,
        client: Client,
        region: Callable[[], Awaitable[wire.ImdsRegionInfo]],
        endpoints: Endpoints,
        principal: Callable[[str], Principal],
        meter: ApiMeter,
    ) -> None:
        """Make a caller.

        Args:
            client: the way to the network.
            region: tells region and realm; is asked at the first call.
            endpoints: where the services are, if not by region.
            principal: makes who signs, given the federation's URL.
            meter: counts the calls.
        """
        self._client = client
        self._region = region
        self._endpoints = endpoints
        self._principal = principal
        self._meter = meter
        self._opening = trio.Lock()
        self._limiter = Limiter()
        self._permissions = Permissions()
        self._opened: _Session | None = None

    async def _session(self) -> _Session:
        async with self._opening:
            if self._opened is None:
                self._opened = await self._open()
            return self._opened

    async def _open(self) -> _Session:
        here = await self._region()
        region, domain = here.region_identifier, here.realm_domain_component
        core = self._endpoints.core or f"https://iaas.{region}.{domain}"
        federation = self._endpoints.federation or f"https://auth.{region}.{domain}"
        return _Session(
            core_url=f"{core.rstrip('/')}/20160918",
            principal=self._principal(federation.rstrip("/")),
        )

    async def call(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        urgency: Urgency,
        query: dict[str, str] | None = None,
        body: msgspec.Struct | dict[str, Any] | None = None,
        retry_token: str = "",
        if_match: str = "",
    ) -> Answer:
        """Make one call and return its answer.

        Args:
            operation: OCI's name for it.
            method: of HTTP.
            path: below the API's version.
            urgency: the more urgent calls go first.
            query: parameters of the URL.
            body: is sent as JSON.
            retry_token: the same token makes OCI carry out a repeated call once.
            if_match: the etag that the object must still have.

        Raises:
            OciError: a refusal.
            NoAnswerError: there was no answer, or none that makes sense.
        """
        session = await self._session()
        url = session.core_url + path + (f"?{urlencode(query)}" if query else "")
        content = msgspec.json.encode(body) if body is not None else None
        if content is None and method == "POST":
            content = b""
        headers = {"accept": "application/json"}
        if retry_token:
            headers["opc-retry-token"] = retry_token
        if if_match:
            headers["if-match"] = if_match
        asked_at = trio.current_time()
        await self._limiter.acquire(urgency)
        self._meter.waited(urgency, trio.current_time() - asked_at)
        try:
            answer = await exchange(
                self._client,
                operation=operation,
                method=method,
                url=url,
                meter=self._meter,
                body=content,
                headers=headers,
                signer=session.principal,
            )
        except OciError as error:
            if error.verdict is Verdict.IDENTIFY:
                session.principal.invalidate()
            if error.throttled:
                self._limiter.refused()
            if error.verdict is Verdict.GONE:
                error.hint = self._permissions.hint(operation)
            raise
        self._limiter.answered()
        self._permissions.allowed(operation)
        return answer

    def budget(self) -> BudgetStatus:
        """Return how fast calls may go now."""
        return BudgetStatus(
            calls_per_second=round(self._limiter.per_second, 2),
            most_per_second=MOST_PER_SECOND,
            queued=self._limiter.queued,
        )

    def permissions(self) -> tuple[StatementStatus, ...]:
        """Return which policy statements the calls have shown."""
        return self._permissions.review()

    def families(self) -> Iterator[MetricFamily]:
        """Yield the metrics of the calls, and of the budget for them."""
        yield from self._meter.families()
        yield RATE.single(self._limiter.per_second)
        yield QUEUED.single(self._limiter.queued)
