"""Artifacts by the hash of their inputs; an interrupted build leaves nothing."""

from pathlib import Path

import pytest
from rich.console import Console

from integration.build.cache import Cache, key_of


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return Cache(Console(quiet=True))


def test_key_follows_contents_names_and_modes(tmp_path: Path) -> None:
    folder = tmp_path / "inputs"
    folder.mkdir()
    file = folder / "a"
    file.write_text("one")
    keys = {key_of(folder)}
    file.write_text("two")
    keys.add(key_of(folder))
    file.chmod(0o755)
    keys.add(key_of(folder))
    file.rename(folder / "b")
    keys.add(key_of(folder))
    keys.add(key_of(folder, "v2"))
    assert len(keys) == 5
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__/b.pyc").touch()
    assert key_of(folder, "v2") in keys


def test_made_once(cache: Cache) -> None:
    made = []

    def build(folder: Path) -> None:
        made.append(folder)
        (folder / "file").write_text("x")

    first = cache.artifact("thing", "k1", build)
    again = cache.artifact("thing", "k1", build)
    assert first == again
    assert len(made) == 1
    assert (first / "file").read_text() == "x"


def test_failure_leaves_nothing(cache: Cache) -> None:
    def build(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError):
        cache.artifact("thing", "k1", build)
    assert [p.name for p in cache.root.iterdir()] == ["thing.lock"]
