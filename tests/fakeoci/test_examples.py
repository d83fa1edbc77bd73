"""The examples of docs/fakeoci.md run unchanged."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "fakeoci.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_passes(number: int, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(EXAMPLES[number])
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=1)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 3
