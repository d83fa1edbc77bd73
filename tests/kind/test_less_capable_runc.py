"""dockerd's requests to runc, without capabilities that this machine lacks."""

import json
from pathlib import Path
from typing import Any

from integration.kind.less_capable_runc import held, option, strip

EVERYTHING = ["CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_MADE_UP"]


def written(tmp_path: Path, spec: Any) -> str:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(spec))
    return str(path)


def test_bundle_keeps_what_is_held(tmp_path: Path) -> None:
    process = {"args": ["x"], "capabilities": {"bounding": EVERYTHING}}
    path = written(tmp_path, {"process": process, "other": 1})
    strip(path, whole=True)
    spec = json.loads(Path(path).read_text())
    assert set(spec["process"]["capabilities"]["bounding"]) == set(EVERYTHING) & held()
    assert (spec["other"], spec["process"]["args"]) == (1, ["x"])


def test_process_without_capabilities(tmp_path: Path) -> None:
    path = written(tmp_path, {"args": ["x"]})
    strip(path, whole=False)
    assert json.loads(Path(path).read_text()) == {"args": ["x"]}


def test_options_in_both_spellings() -> None:
    words = ["--root", "/r", "create", "--bundle", "/b", "id"]
    assert option(words, "--bundle", "-b") == "/b"
    assert option(["--bundle=/b"], "--bundle") == "/b"
    assert option(["run", "id"], "--bundle") == ""
