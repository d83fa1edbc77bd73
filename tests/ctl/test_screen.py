"""What screens print of texts that others gave."""

import pytest
from rich.console import Group
from rich.text import Text

from vcnd.ctl import screen


def test_no_part_of_a_screen_moves_the_cursor(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = screen.table("")
    rows.add_row("\x1b[2Jb")
    parts = Group(Text("vcnd \x02a"), rows, screen.cell("c\x1bd\ne"))
    screen.show(parts)
    for shown in (screen.as_text(parts), capsys.readouterr().out):
        assert [line.rstrip() for line in shown.splitlines()] == [
            "vcnd \\x02a",
            "\\x1b[2Jb",
            "c\\x1bd e",
        ]
