"""Why the express lane is off."""

from vcnd.linux.lane import Lane
from vcnd.linux.layout import Layout
from vcnd.model.cause import Cause


def why(lane: Lane) -> Cause | None:
    fault = lane.state().why
    return None if fault is None else fault.cause


def test_the_lane_says_who_switched_it_off() -> None:
    lane = Lane(Layout(express=False))
    assert why(lane) is Cause.SWITCHED_OFF
    lane.switch(on=True)
    assert why(lane) is Cause.NOT_BUILT
    lane.switch(on=False)
    assert why(lane) is Cause.SWITCHED_OFF
