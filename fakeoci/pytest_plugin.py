"""Pytest fixtures that come with the package: a served fake for each test."""

from collections.abc import Iterator

import pytest

import fakeoci


@pytest.fixture
def fakeoci_world() -> str | None:
    """Return the text of the world file to serve; override it for another world."""
    return None


@pytest.fixture
def fakeoci_cloud(fakeoci_world: str | None) -> Iterator["fakeoci.Cloud"]:
    """Serve a fake cloud for the test: URL, SDK configuration and OCIDs."""
    with fakeoci.serving(fakeoci_world) as cloud:
        yield cloud
