"""What decides whether a Go program is built again, and how it is built."""

import gc
from pathlib import Path

import pytest
from rich.console import Console

from integration.build.cache import Cache, key_of
from integration.build.command import BuildError
from integration.build.components import HELM, build, sources

GO = """#!/bin/sh
case $1 in
env) echo go1.99.0 ;;
build) echo some/package >&2; {ends} ;;
esac
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """Keeps what is built in a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return Cache(Console(quiet=True))


def put_go(folder: Path, ends: str) -> None:
    """Make a Go that compiles nothing, and ends as told."""
    go = folder / "go"
    go.write_text(GO.format(ends=ends))
    go.chmod(0o755)


def test_build_leaves_no_pipe_open(cache: Cache, tmp_path: Path) -> None:
    put_go(tmp_path, "exit 0")
    build(cache, HELM)
    gc.collect()  # an open pipe would warn, and warnings are errors


def test_refused_build_tells_what_go_printed(cache: Cache, tmp_path: Path) -> None:
    put_go(tmp_path, "exit 1")
    with pytest.raises(BuildError, match="cannot be built: some/package"):
        build(cache, HELM)
    gc.collect()


def test_changed_source_of_our_own_builds_again(tmp_path: Path) -> None:
    for name in ("go.mod", "go.sum", "tools.go", "main.go", "part/other.go"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("package main")
    before = key_of(*sources(tmp_path))
    (tmp_path / "tools.go").write_text("package tools")
    assert key_of(*sources(tmp_path)) == before
    for name in ("go.mod", "main.go", "part/other.go"):
        (tmp_path / name).write_text("package changed")
        after = key_of(*sources(tmp_path))
        assert after != before
        before = after
