"""What decides whether a Go program is built again."""

from pathlib import Path

from integration.build.cache import key_of
from integration.build.components import sources


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
