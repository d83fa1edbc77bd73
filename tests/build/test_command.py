"""Commands that make artifacts: what they print, and how they fail."""

import pytest

from integration.build import command


def test_command_hands_back_its_standard_output() -> None:
    words = ["/bin/sh", "-c", "echo told; echo aside >&2"]
    assert command.run(words, "no words") == "told\n"


def test_failure_has_its_meaning_and_the_last_lines() -> None:
    words = ["/bin/sh", "-c", "seq 20; echo why >&2; exit 3"]
    with pytest.raises(command.BuildError) as caught:
        command.run(words, "no numbers")
    lines = str(caught.value).splitlines()
    assert lines == ["no numbers:", *map(str, range(12, 21)), "why"]
