"""Chromium, and the library that drives it (Playwright).

Playwright is in a cache of its own, as it has 50 MB and only the page's tests use it.
Chromium is a Debian package: Playwright's own builds come from a host of its own.
"""

import os
import shutil
import site
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from integration import locked

NAME, LOCK = "browser", Path(__file__).with_name("requirements.txt")
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core")
INSTALL_SECONDS = 600
PATIENCE_MS = 15_000


def program() -> str | None:
    """Return the path of a Chromium on this machine, or None."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


def is_present() -> bool:
    """Return True if Chromium and the library that drives it are here."""
    return program() is not None and locked.place(NAME, LOCK).exists()


def prepare() -> str:
    """Install what is missing; return what was done, in words.

    Raises:
        RuntimeError: Playwright cannot be installed; the text has pip's reason.
    """
    if program() is None and not _install_chromium():
        return (
            "browser: no Chromium, the console's page is not tested; as root:"
            f" apt-get install {' '.join(PACKAGES)}"
        )
    locked.install(NAME, LOCK)
    return "browser: Chromium is there"


def _install_chromium() -> bool:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
    for command in (["apt-get", "update", "-qq"], install):
        done = subprocess.run(
            command,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        if done.returncode:
            return False  # another distribution has the package by another name
    return program() is not None


def _library() -> Any:
    site.addsitedir(str(locked.place(NAME, LOCK)))
    from playwright import sync_api  # noqa: PLC0415 - it is there only now

    sync_api.expect.set_options(timeout=PATIENCE_MS)
    return sync_api


def expect(locator: Any) -> Any:
    """Return Playwright's assertions about a part of a page; they wait."""
    return _library().expect(locator)


@contextmanager
def running() -> Iterator[Any]:
    """Run Chromium until the block ends; yield Playwright's browser."""
    # Its sandbox needs a plain user; the page is ours.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with _library().sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def _tell_outside(told: list[str], own: str, asked: str) -> None:
    if not asked.startswith(own):
        told.append(asked)


@contextmanager
def opened(
    browser: Any, url: str, told: list[str] | None = None, **options: Any
) -> Iterator[Any]:
    """Open the console in a fresh context until the block ends; wait until it is live.

    Args:
        browser: a running one.
        url: of the console.
        told: gets errors of the page, and the addresses of others that it asks.
        options: of Playwright's ``new_context``: viewport, color_scheme and others.
    """
    told = [] if told is None else told
    context = browser.new_context(**options)
    try:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: _tell_outside(told, url, request.url))
        page.goto(url)
        page.locator("#link[data-state=live]").wait_for()
        page.locator(".subnet").first.wait_for()
        yield page
    finally:
        context.close()
