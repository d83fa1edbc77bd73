"""``./vcn demo --screenshots DIR``: pictures of the page, for the documents."""

from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import trio

from integration.browser import chromium
from integration.demo.console import talk
from integration.demo.stage import Stage

TRAFFIC_SECONDS = 12.0
WIDE = {"width": 1280, "height": 760}
PHONE = {"width": 360, "height": 760}
PICTURES: dict[str, dict[str, Any]] = {
    "console-light": {"viewport": WIDE, "color_scheme": "light"},
    "console-dark": {"viewport": WIDE, "color_scheme": "dark"},
    "console-phone": {"viewport": PHONE, "color_scheme": "light"},
}
"""File → Playwright's options of its window."""
THROTTLING = {"operation": "Core", "kind": "before", "status": 429, "rate": 0.3}
"""A fault that is on, so that the pictures show one."""


async def take(stage: Stage, url: str, directory: Path) -> list[Path]:
    """Let the lab work a while, and take pictures of its page; return the files."""
    async with (
        trio.open_nursery() as nursery,
        httpx2.AsyncClient(base_url=url) as client,
    ):
        talk(stage, nursery)
        header = {"x-fakeoci-console": "1"}
        on = await client.post("/faults/on", json=THROTTLING, headers=header)
        on.raise_for_status()
        # A pod more on each node makes their pools ask the cloud for addresses.
        for node in stage.nodes:
            await stage.start_pod(node)
        await trio.sleep(TRAFFIC_SECONDS)
        made = await trio.to_thread.run_sync(partial(_photograph, url, directory))
        (await client.post("/faults/clear", headers=header)).raise_for_status()
        nursery.cancel_scope.cancel()
    return made


def _photograph(url: str, directory: Path) -> list[Path]:
    made = []
    with chromium.running() as browser:
        for name, options in PICTURES.items():
            with chromium.opened(browser, url, **options) as page:
                page.locator("#flows-rows tr").first.wait_for(state="attached")
                page.locator(".cell.pod").nth(1).focus()
                page.evaluate("scrollTo(0, 0)")
                made.append(directory / f"{name}.png")
                page.screenshot(path=made[-1])
    return made
