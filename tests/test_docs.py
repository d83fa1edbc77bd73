"""The documents keep up with the code."""

import re
import tomllib
from enum import StrEnum
from functools import cache
from pathlib import Path

import pytest

from vcnd.core.states import diagram
from vcnd.model.cause import Cause
from vcnd.model.errors import VcndError
from vcnd.model.place import PlaceKind

ROOT = Path(__file__).parents[1]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
EVENT = re.compile(
    r"\b(?:log\.(?:info|warning|error|exception|debug)|say)\(\s*\"(\w+)\""
)
KUBERNETES_EVENT = re.compile(
    r"\"((?:NoVCN|VCN|PodNetwork|KubeProxy|Policy)[A-Z][a-z]\w+)\""
)
CITATION = re.compile(r"docs/[\w/.-]+\.(?:md|svg)(?:#[\w-]+)?")
LINK = re.compile(r"\]\(([^)\s]+)\)")
DECISION = re.compile(r"[Dd]ecisions? (\d+)")
INVARIANT = re.compile(r"\bI(?:[1-9]|1\d)\b")
ELSEWHERE = ("facts/", "design.md", "(design,", "peers.md", "§")
"""Citations of pages that are not in this repository."""
ROOMS = (
    "cni",
    "deploy",
    "docs",
    "fakeoci",
    "integration",
    "sim",
    "systemd",
    "tests",
    "vcnd",
)
WRITTEN_BY_US = {".py", ".md", ".c", ".h", ".toml", ".yaml", ".service", ".socket"}


@cache
def _pages() -> dict[Path, str]:
    """Return the texts of all files that may cite, except this one."""
    there = [*ROOT.glob("*.md")]
    for room in ROOMS:
        there += (ROOT / room).rglob("*")
    return {
        page: page.read_text()
        for page in there
        if page.suffix in WRITTEN_BY_US and page != Path(__file__)
    }


@cache
def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings)
    return {text.strip().replace(" ", "-") for text in plain}


def _is_tail(before: str) -> bool:
    """Return True if a path goes on before a match: it is another folder's."""
    return bool(before) and (before.isalnum() or before in "_/.")


def _is_there(target: str, folder: Path, page: Path) -> bool:
    """Return True if a file, and the heading after ``#``, exist."""
    name, _, anchor = target.partition("#")
    cited = folder / name if name else page
    if not cited.exists():
        return False
    return not anchor or anchor in _anchors(cited)


def test_every_event_is_in_the_operations_guide() -> None:
    code = "".join(p.read_text() for p in sorted((ROOT / "vcnd").rglob("*.py")))
    events = set(EVENT.findall(code))
    assert len(events) > 20
    guide = (ROOT / "docs" / "operations.md").read_text()
    table = guide[guide.index("## Events") :]
    told = set(re.findall(r"`(\w+)`", table))
    assert events - told == set()


@pytest.mark.parametrize(
    ("heading", "codes"), [("### Places", PlaceKind), ("### Causes", Cause)]
)
def test_every_code_of_a_problem_has_a_row(heading: str, codes: type[StrEnum]) -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    section = guide[guide.index(heading) :].split("\n#")[0]
    rows = re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)
    # Each code once, in the order of the code; the first row is the table's head.
    assert rows[1:] == [str(code) for code in codes]


def test_every_cni_error_code_has_a_row() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    section = guide[guide.index("## Codes of CNI errors") :].split("\n## ")[0]
    rows = re.findall(r"^\| ([\d, ]+) \|", section, re.MULTILINE)
    told = [int(code) for row in rows for code in row.split(",")]
    codes = {error.code for error in _errors(VcndError)}
    assert told == sorted(codes)


def _errors(error: type[VcndError]) -> list[type[VcndError]]:
    return [error, *(e for sub in error.__subclasses__() for e in _errors(sub))]


def test_every_event_of_kubernetes_is_a_symptom() -> None:
    code = "".join(p.read_text() for p in sorted((ROOT / "vcnd").rglob("*.py")))
    reasons = set(KUBERNETES_EVENT.findall(code))
    assert len(reasons) > 5
    guide = (ROOT / "docs" / "operations.md").read_text()
    symptoms = guide[guide.index("## By symptom") :].split("\n## ")[0]
    assert {r for r in reasons if r not in symptoms} == set()


def test_every_cause_is_somebodys() -> None:
    code = "".join(p.read_text() for p in sorted((ROOT / "vcnd").rglob("*.py")))
    unused = {cause.name for cause in Cause if f"Cause.{cause.name}" not in code}
    assert unused == set()


def test_files_stay_small() -> None:
    """A file above the limit is redesigned (CONTRIBUTING)."""
    rooms = ("vcnd", "fakeoci", "sim", "integration", "tests", "cni", "bpf")
    crowded = {
        str(p.relative_to(ROOT)): lines
        for room in rooms
        for p in (ROOT / room).rglob("*.[pc]*")
        if p.suffix in (".py", ".c")
        and (lines := len(p.read_text().splitlines())) > 350
    }
    assert crowded == {}


def test_the_diagram_of_address_states_is_made_from_the_table() -> None:
    assert f"```mermaid\n{diagram()}\n```" in ARCHITECTURE


def test_cited_pages_and_sections_exist() -> None:
    missing = [
        (str(page.relative_to(ROOT)), found.group())
        for page, text in _pages().items()
        for found in CITATION.finditer(text)
        if not _is_tail(text[max(0, found.start() - 1) : found.start()])
        and not _is_there(found.group(), ROOT, page)
    ]
    assert missing == []


def test_links_of_the_documents_resolve() -> None:
    broken = [
        (str(page.relative_to(ROOT)), link)
        for page, text in _pages().items()
        if page.suffix == ".md"
        for link in LINK.findall(text)
        if "://" not in link and not _is_there(link, page.parent, page)
    ]
    assert broken == []


def test_cited_decisions_exist() -> None:
    there = {int(p.name[:4]) for p in (ROOT / "docs" / "decisions").glob("*.md")}
    cited = {
        (str(page.relative_to(ROOT)), int(number))
        for page, text in _pages().items()
        for number in DECISION.findall(text)
    }
    assert cited
    assert {(page, number) for page, number in cited if number not in there} == set()


def test_cited_invariants_are_listed() -> None:
    page = (ROOT / "docs" / "invariants.md").read_text()
    listed = set(re.findall(r"^\| (I\d+) \|", page, re.MULTILINE))
    cited = {
        name
        for page, text in _pages().items()
        if page.suffix in (".py", ".md")
        for name in INVARIANT.findall(text)
    }
    assert cited - listed == set()


def test_nothing_cites_pages_of_elsewhere() -> None:
    """The code's sources are in this repository, or on public pages."""
    citing = [
        (str(page.relative_to(ROOT)), word)
        for page, text in _pages().items()
        for word in ELSEWHERE
        if word in text
    ]
    assert citing == []


@pytest.mark.parametrize("room", ["core", "flow"])
def test_the_table_of_a_room_has_each_file(room: str) -> None:
    rows = "\n".join(x for x in ARCHITECTURE.splitlines() if x.startswith("| `"))
    told = set(re.findall(rf"`{room}/(\w+)`", rows))
    there = {p.stem for p in (ROOT / "vcnd" / room).glob("*.py")} - {"__init__"}
    assert told == there


def test_modules_that_the_documents_name_exist() -> None:
    """Names like ``flow/attach`` or ``core/states.MOVES``."""
    rooms = "|".join(p.name for p in (ROOT / "vcnd").iterdir() if p.is_dir())
    missing = [
        (page.name, name)
        for page in (ROOT / "docs").glob("*.md")
        for name in re.findall(rf"`((?:{rooms})/\w+)", page.read_text())
        if not (ROOT / "vcnd" / f"{name}.py").exists()
        and not (ROOT / "vcnd" / name).exists()
    ]
    assert missing == []


def test_the_picture_shows_the_layers_of_the_contract() -> None:
    """Each layer is one line of the picture, and they stand in the same order."""
    with (ROOT / "pyproject.toml").open("rb") as f:
        contracts = tomllib.load(f)["tool"]["importlinter"]["contracts"]
    rooms = next(c for c in contracts if c["name"].startswith("Rooms"))
    layers = [set(re.findall(r"vcnd\.(\w+)", layer)) for layer in rooms["layers"]]
    picture = ARCHITECTURE[ARCHITECTURE.index("```\n") :].split("```")[1]
    lines = [set(re.findall(r"\w+", line)) for line in picture.splitlines()]
    at = [[n for n, words in enumerate(lines) if layer <= words] for layer in layers]
    assert all(at), "each layer has a line with all its rooms"
    first = [places[0] for places in at]
    assert first == sorted(first)
    there = {p.stem for p in (ROOT / "vcnd").iterdir() if (p / "__init__.py").exists()}
    assert there <= set().union(*layers)
