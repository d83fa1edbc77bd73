"""The console's app: files, the feed, switches, and attacks on them."""

import re
from pathlib import Path

import httpx2
import pytest
import trio

from fakeoci.api.app import build as build_api
from fakeoci.api.service import Service
from fakeoci.console.app import MOST_BYTES, PAGE
from fakeoci.console.console import Console
from fakeoci.console.feed import FOLLOWERS
from fakeoci.console.guard import CHANGE_HEADER, HEADERS
from fakeoci.transport import FakeTransport

CHANGE = {CHANGE_HEADER: "1"}
CUT = {"operation": "ListVcns", "kind": "cut"}
OUTSIDE = re.compile(r"""(?:https?:)?//[\w.-]+\.\w|@import|url\(""")


async def test_page_and_its_files_are_served(page: httpx2.AsyncClient) -> None:
    answer = await page.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    named = set(re.findall(r'(?:src|href)="([\w.]+)"', answer.text))
    assert named >= {"main.js", "base.css", "icon.svg"}
    for name in named:
        assert (await page.get(f"/{name}")).status_code == 200


async def test_every_answer_has_the_strict_headers(page: httpx2.AsyncClient) -> None:
    for path in ("/", "/main.js", "/nothing", "/faults/on"):
        answer = await page.get(path)
        assert HEADERS.items() <= dict(answer.headers).items(), path
    refused = await page.get("/", headers={"host": "evil.example"})
    assert refused.status_code == 403
    assert HEADERS.items() <= dict(refused.headers).items()


@pytest.mark.parametrize("path", sorted(PAGE.iterdir()), ids=lambda p: p.name)
def test_page_asks_nobody_else(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert OUTSIDE.findall(text) == []
    assert "innerHTML" not in text
    assert "style=" not in text


@pytest.mark.parametrize(
    "path",
    ["/..%2fapp.py", "/%2e%2e/app.py", "/../app.py", "/page", "/app.py", "/%00"],
)
async def test_other_files_are_not_served(page: httpx2.AsyncClient, path: str) -> None:
    assert (await page.get(path)).status_code == 404


async def test_switches_change_the_faults(
    page: httpx2.AsyncClient, service: Service
) -> None:
    on = await page.post("/faults/on", json=CUT, headers=CHANGE)
    assert on.status_code == 204
    assert [f.operation for f in service.faults] == ["ListVcns"]
    await page.post("/faults/off", json=CUT, headers=CHANGE)
    assert service.faults == []
    await page.post("/faults/on", json=CUT, headers=CHANGE)
    await page.post("/faults/clear", headers=CHANGE)
    assert service.faults == []
    event = await page.post("/events", json={"what": "freeze"}, headers=CHANGE)
    assert event.status_code == 204
    assert service.world.frozen


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'{"operation": "ListVcns"}', 400),
        (b'{"operation": "ListVcns", "kind": "cut", "more": 1}', 400),
        (b'{"operation": "ListVcns", "kind": "cut", "rate": 2}', 400),
        (b'{"operation": "ListVcns", "kind": "slow", "seconds": 1e9}', 400),
        (b" " * (MOST_BYTES + 1), 413),
    ],
)
async def test_wrong_switches_are_refused(
    page: httpx2.AsyncClient, service: Service, body: bytes, status: int
) -> None:
    answer = await page.post("/faults/on", content=body, headers=CHANGE)
    assert answer.status_code == status
    assert service.faults == []


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a form, which can send no such header
        {**CHANGE, "origin": "http://evil.example"},
        {**CHANGE, "sec-fetch-site": "cross-site"},
        {**CHANGE, "host": "evil.example:8090"},  # DNS rebinding
    ],
)
async def test_other_sites_cannot_switch_or_read(
    page: httpx2.AsyncClient, service: Service, headers: dict[str, str]
) -> None:
    for path in ("/faults/on", "/faults/off", "/faults/clear", "/events"):
        answer = await page.post(path, json=CUT, headers=headers)
        assert answer.status_code == 403
    assert service.faults == []
    if headers:
        assert (await page.get("/feed", headers=headers)).status_code == 403


async def test_script_of_another_site_gets_no_consent(page: httpx2.AsyncClient) -> None:
    asks = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    answer = await page.options("/faults/on", headers=asks)
    assert answer.status_code == 403
    assert not any(name.startswith("access-control") for name in answer.headers)


async def test_api_has_no_console(service: Service) -> None:
    """Hosts of the VCN reach the API's doors; the console is at none of them."""
    for admin in (False, True):
        transport = FakeTransport(build_api(service), admin=admin)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://169.254.169.254"
        ) as host:
            for path in ("/feed", "/console", "/main.js", "/faults/clear"):
                answer = await host.post(path, headers=CHANGE)
                assert answer.status_code == 501, path


async def test_feed_begins_with_a_picture_and_ends_with_its_browser(
    page: httpx2.AsyncClient, console: Console, autojump_clock: trio.abc.Clock
) -> None:
    async with page.stream("GET", "/feed") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        parts = answer.aiter_raw()
        first = await anext(parts)
        assert first.startswith(b"retry: 1000\n\nid: ")
        assert b"\nevent: picture\n" in first
        assert console.feed.followers == 1
        assert await anext(parts) == b": beat\n\n"
        await parts.aclose()
    await trio.sleep(1)
    assert console.feed.followers == 0


async def test_too_many_browsers_are_told_so(
    page: httpx2.AsyncClient, console: Console
) -> None:
    many = [console.feed.follow() for _ in range(FOLLOWERS)]
    for one in many:
        one.__enter__()
    assert (await page.get("/feed")).status_code == 503
    for one in many:
        one.__exit__(None, None, None)
