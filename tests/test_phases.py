"""Each moment of a call belongs to one phase."""

from hypothesis import given
from hypothesis import strategies as st

from vcnd.model.phases import Phase, Phases

STEPS = st.lists(
    st.tuples(st.sampled_from([*Phase]), st.integers(0, 1000)), max_size=12
)


@given(STEPS)
def test_phases_add_up_to_the_time_spent(steps: list[tuple[Phase, int]]) -> None:
    now = [5.0]
    phases = Phases(lambda: now[0])
    for phase, seconds in steps:
        now[0] += seconds
        phases.end(phase)
    assert sum(phases.seconds.values()) == phases.spent
    for phase in Phase:
        mine = sum(seconds for p, seconds in steps if p is phase)
        assert phases.seconds.get(phase, 0.0) == mine


def test_phase_measured_elsewhere_is_no_time_of_ours() -> None:
    phases = Phases(lambda: 5.0)
    phases.note(Phase.SHIM, 3.0)
    assert phases.seconds == {Phase.SHIM: 3.0}
    assert phases.spent == 0.0
