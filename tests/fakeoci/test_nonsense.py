"""Nonsense for each operation: refused in OCI's form, and nothing changes.

Some places of an accepted request are spoilt.  If the fake accepts it even so, the
world can still be read and stored after all due changes.
"""

from functools import cache
from typing import Any
from urllib.parse import quote

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakeoci.api.bodies import body as body_of
from fakeoci.api.service import Service
from fakeoci.world import state
from fakeoci.world.world import KINDS
from tests.fakeoci.accepted import METHODS, NEEDS_ETAG, MadeCloud, accepted
from tests.fakeoci.test_nulls import KINDS as BODIES
from tests.fakeoci.test_refusals import snapshot

FIELDS = sorted({name for kind in BODIES for name in kind.__struct_encode_fields__})
"""Every field of every body."""
WORDS = """
- . .. * null 1 6 17 all EGRESS RESERVED EPHEMERAL STOP CustomDnsServer ASC VCN
NETWORK_SECURITY_GROUP SERVICE_CIDR_BLOCK SearchDomain ocid1.vcn.oc1.iad.nothing
VM.Standard2.1 VM.Standard.A1.Flex
10.0.0.5 10.20.0.5 10.20.0.1 10.20.1.0/24 10.20.0.0/16 0.0.0.0/0 255.255.255.255
10.0.0.0/33 10.0.0.0/-1 10.20.0.0/255.255.0.0
:: ::/0 fd00:1::5 fd00:1::/64 fd00:1::/56 fe80::1%eth0 fd00::/8 ::ffff:10.20.0.5
"""
SMILE = "\N{GRINNING FACE}"
TEXTS = (
    "",
    " ",
    "9" * 5000,
    "\x00",
    "\ud7ff\ue000",
    "x" * 300,
    SMILE * 64,
    *WORDS.split(),
)
QUERIES = ("limit", "page", "sortBy", "sortOrder", "vcnId", "vnicId", "action")
NUMBERS = (0, 1, -1, 2, 24, 31, 32, 64, 80, 126, 128, 129, 65536, 2**31, 2**63, 10**30)
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(TEXTS),
    st.text(max_size=20),
)


@cache
def values(ocids: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """Return a strategy of values to replace right ones."""
    some = PLAIN | st.sampled_from(ocids)
    keys = st.sampled_from(FIELDS) | st.text(max_size=5)
    return some | st.lists(some, max_size=3) | st.dictionaries(keys, some, max_size=3)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return the places of a body: each container with each of its keys."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, item in list(inside):
        found.append((value, key))
        if isinstance(item, dict | list):
            found += places(item)
    return found


def spoil(draw: st.DrawFn, body: Any, ocids: tuple[str, ...]) -> Any:
    """Return a body with some places spoilt, or another value in its place."""
    for _ in range(draw(st.integers(1, 3))):
        if not isinstance(body, dict) or draw(st.integers(0, 30)) == 0:
            return draw(values(ocids))
        spots = places(body)
        how = draw(st.sampled_from(("replace", "drop", "add", "again")))
        if not spots or how == "add":
            body[draw(st.sampled_from(FIELDS))] = draw(values(ocids))
            continue
        holder, key = draw(st.sampled_from(spots))
        if how == "replace":
            holder[key] = draw(values(ocids))
        elif how == "again" and isinstance(holder, list):
            holder.append(holder[key])
        else:
            del holder[key]
    return body


def spoil_target(draw: st.DrawFn, target: str, ocids: tuple[str, ...]) -> str:
    """Return a target with another OCID, another query, or nonsense in them."""
    path, mark, query = target.partition("?")
    parts = path.split("/")
    others = st.sampled_from(ocids + TEXTS)
    if len(parts) > 2 and draw(st.booleans()):
        parts[2] = quote(draw(others), safe="") or "none"
    pairs = [pair.split("=") for pair in query.split("&")] if mark else []
    if draw(st.booleans()):
        names = st.sampled_from(
            ("limit", "page", "sortBy", "vcnId", "vnicId", "action")
        )
        pairs.append([draw(names), quote(draw(others))])
    if draw(st.booleans()) and pairs:
        pairs[draw(st.integers(0, len(pairs) - 1))][1] = quote(draw(others))
    return "/".join(parts) + ("?" if pairs else "") + "&".join(map("=".join, pairs))


HEADERS = st.dictionaries(
    st.sampled_from(("if-match", "opc-retry-token", "opc-request-id", "content-type")),
    st.sampled_from(("*", "", "x", "application/json", "text/plain", "t" * 70, '"')),
    max_size=1,
)


@st.composite
def requests(
    draw: st.DrawFn, operation: str, ids: dict[str, str]
) -> tuple[str, str, Any, dict[str, str]]:
    method, target, body = accepted(operation, ids)
    ocids = tuple(sorted(ids.values()))
    spoils_target = body is None or draw(st.integers(0, 3)) == 0
    if spoils_target:
        target = spoil_target(draw, target, ocids)
    if body is not None and (not spoils_target or draw(st.booleans())):
        body = spoil(draw, body, ocids)
    needed = {"if-match": "*"} if operation in NEEDS_ETAG else {}
    return method, target, body, needed | draw(HEADERS)


def readable(service: Service) -> None:
    """Read every object as the API shows it; store and restore the world."""
    world = service.world
    for kind in KINDS:
        for resource in world.all(kind):
            body_of(world, resource)
    state.restore(world, state.dump(world, []), service.clock())


@pytest.mark.slow
@pytest.mark.parametrize("operation", METHODS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(data=st.data())
def test_malformed_requests_change_nothing(
    operation: str, data: st.DataObject, made: MadeCloud
) -> None:
    request = data.draw(requests(operation, made.ids))
    before = snapshot(made.service.world)
    answer = trio.run(made.ask, *request)
    status = answer.status_code
    assert status < 500 or status == 501, answer.text
    assert answer.headers["opc-request-id"]
    if status >= 400:
        assert answer.json().keys() == {"code", "message"}
        assert answer.json()["code"]
        assert answer.json()["message"]
        assert snapshot(made.service.world) == before
        return
    made.let_pass(1000.0)
    readable(made.service)
    made.put_back()
