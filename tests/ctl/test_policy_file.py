"""Files of policies, and the lines where their parts stand."""

import os
from pathlib import Path

import pytest

from tests.odd_yaml import BOMB, MERGES, NO_VALUES, SELF
from vcnd.ctl.caller import CALLERS_DIRECTORY
from vcnd.ctl.policy_file import FileError, Located, read

TWO = """\
# a comment
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
spec:
  podSelector: {}
  ingress:
  - from:
    - ipBlock:
        cidr: 10.0.0.0/8
    ports:
    - port: 80
---
---
kind: List
items:
- {kind: NetworkPolicy, metadata: {name: a}}
- kind: NetworkPolicy
  metadata: {name: b, labels: {since: 2026-01-01, on: "yes"}}
"""


def found(folder: Path, text: str, name: str = "p.yaml") -> list[Located]:
    path = folder / name
    path.write_text(text)
    return read(path)


def test_objects_of_documents_and_lists_are_found(tmp_path: Path) -> None:
    items = found(tmp_path, TWO)
    assert [x.body["metadata"]["name"] for x in items] == ["web", "a", "b"]
    assert [x.line for x in items] == [2, 18, 19]
    # What looks like a date is a text in an object of the API.
    assert items[2].body["metadata"]["labels"]["since"] == "2026-01-01"


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("", 2),
        ("kind", 3),
        ("metadata.name", 5),
        ("metadata.namespace", 4),
        ("spec.ingress[0].from[0].ipBlock.cidr", 11),
        ("spec.ingress[0].ports[0]", 13),
        ("spec.ingress[0].ports[0].protocol", 13),
        ("spec.ingress[7].ports", 8),
        ("spec.podSelector[0]", 7),
    ],
)
def test_line_of_a_part_or_of_what_is_there(
    tmp_path: Path, what: str, line: int
) -> None:
    assert found(tmp_path, TWO)[0].line_of(what) == line


def test_json_is_read_too(tmp_path: Path) -> None:
    (item,) = found(tmp_path, '{"kind": "X",\n "spec": {\n  "a": [1]}}')
    assert item.body == {"kind": "X", "spec": {"a": [1]}}
    assert item.line_of("spec.a") == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no object"),
        ("---\n---\n", "no object"),
        ("kind: List\n", "line 1: the list has no items"),
        ("a: b\nc: [1\n", "line 3: "),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "line 4: c stands twice"),
        ("a: &x [*x]\n", "levels"),
        ("a: !!python/object:os.system {}\n", "line 1: could not determine"),
        (SELF, "levels"),
        ("a: 1\nb: " + "[" * 3000, "line 2: it is deeper"),
        (BOMB, "line 6: it has more than 100000 values"),
        (MERGES, "line 6: it has more than 100000 values"),
        ("a: \x00\n", "special characters"),
        *[(f"a: 1\nb: {odd}\n", "line 2: ") for odd in NO_VALUES if "!!" in odd],
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(FileError, match=why):
        found(tmp_path, text)


def test_a_file_that_is_no_text_or_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p"
    with pytest.raises(FileError, match="No such file"):
        read(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FileError, match="no text"):
        read(path)
    with pytest.raises(FileError, match="directory"):
        read(tmp_path)


def test_a_callers_file_is_read_by_its_own_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p.yaml").write_text("kind: X\n")
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        monkeypatch.setenv(CALLERS_DIRECTORY, str(descriptor))
        (item,) = read(Path("p.yaml"))
    finally:
        os.close(descriptor)
    assert item.body == {"kind": "X"}
