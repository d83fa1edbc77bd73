"""Times and numbers in words."""

import pytest

from vcnd.ctl.amounts import counted, duration, number, short_id


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((-1.0, "0 s"), (0.4, "0 s"), (119.0, "119 s"), (120.0, "2 min")),
        *((7199.0, "120 min"), (7200.0, "2 h"), (172_800.0, "2 d")),
    ],
)
def test_time_has_a_unit(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0"), (999, "999"), (1000, "1.0 k"), (12_345, "12 k"), (2.5e6, "2.5 M")],
)
def test_large_number_has_a_letter(count: float, words: str) -> None:
    assert number(count) == words


def test_one_thing_has_no_plural() -> None:
    assert (counted(1, "pod"), counted(0, "pod")) == ("1 pod", "0 pods")


def test_ocid_is_shortened_and_other_texts_are_not() -> None:
    assert short_id("ocid1.vnic.oc1.iad.abcdefghijklmnop") == "…efghijklmnop"
    assert short_id("default") == "default"
