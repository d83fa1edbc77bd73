"""The documents keep up with the code."""

import re
from pathlib import Path

from vcnd.core.states import diagram

ROOT = Path(__file__).parents[1]
EVENT = re.compile(
    r"\b(?:log\.(?:info|warning|error|exception|debug)|say)\(\s*\"(\w+)\""
)


def test_every_event_is_in_the_operations_guide() -> None:
    code = "".join(p.read_text() for p in sorted((ROOT / "vcnd").rglob("*.py")))
    events = set(EVENT.findall(code))
    assert len(events) > 20
    guide = (ROOT / "docs" / "operations.md").read_text()
    table = guide[guide.index("## Events") :]
    told = set(re.findall(r"`(\w+)`", table))
    assert events - told == set()


def test_files_stay_small() -> None:
    """A room that gets crowded is redesigned (CONTRIBUTING)."""
    rooms = ("vcnd", "fakeoci", "integration", "tests", "cni")
    crowded = {
        str(p.relative_to(ROOT)): lines
        for room in rooms
        for p in (ROOT / room).rglob("*.[pc]*")
        if p.suffix in (".py", ".c")
        and (lines := len(p.read_text().splitlines())) > 350
    }
    assert crowded == {}


def test_the_diagram_of_address_states_is_made_from_the_table() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert f"```mermaid\n{diagram()}\n```" in page
