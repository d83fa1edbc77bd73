"""Aims: a value meets one, misses one, or was not measured."""

import pytest

from integration.bench import aims


@pytest.mark.parametrize(
    ("name", "value", "met"),
    [
        ("rr_of_flannel", 0.56, True),
        ("rr_of_flannel", 0.561, False),
        ("add_rate_x32_ratio", 6.0, True),
        ("add_rate_x32_ratio", 5.9, False),
        ("start_110_leases_seconds", 0.499, True),
        ("start_110_leases_seconds", 0.5, False),
    ],
)
def test_bound_decides_what_meets_an_aim(name: str, value: float, *, met: bool) -> None:
    all_judged = aims.judged({name: value}, *aims.AIMS)
    [judged] = [j for j in all_judged if j.name == name]
    assert (judged.value, judged.met) == (value, met)


def test_unmeasured_aim_is_not_met() -> None:
    assert [(j.value, j.met) for j in aims.judged({}, "kind")] == [(None, False)]


def test_value_without_an_aim_is_refused() -> None:
    with pytest.raises(ValueError, match="rr_of_flanel"):
        aims.judged({"rr_of_flanel": 0.5}, "datapath")


def test_aims_have_names_of_their_own() -> None:
    assert len(aims.NAMES) == sum(map(len, aims.AIMS.values()))
