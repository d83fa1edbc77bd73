"""The latest calls of each pod, and how they ended."""

from vcnd.core.call_history import MOST_OUTCOMES, MOST_PODS, MOST_REASON, CallHistory
from vcnd.model.cause import Cause

WEB = "default/web"


def add(
    history: CallHistory, at: float, cause: Cause | None = None, pod: str = WEB
) -> None:
    reason = f"refused at {at:g}" if cause else ""
    history.note(
        pod, command="ADD", sandbox="vcnd/c/eth0", at=at, cause=cause, reason=reason
    )


def test_calls_with_the_same_outcome_are_one() -> None:
    history = CallHistory()
    add(history, 1.0, Cause.SUBNET_FULL)
    add(history, 2.0)
    add(history, 3.0, Cause.SUBNET_FULL)
    failed, done = history.of(WEB, 10.0)
    assert (failed.cause, failed.count, failed.seconds_ago) == ("subnet_full", 2, 7.0)
    assert failed.reason == "refused at 3"
    assert (done.cause, done.count, done.seconds_ago) == (None, 1, 8.0)


def test_history_is_bounded() -> None:
    history = CallHistory()
    for cause in Cause:
        add(history, 1.0, cause)
    assert len(history.of(WEB, 1.0)) == MOST_OUTCOMES
    for number in range(MOST_PODS):
        add(history, 2.0, pod=f"default/p{number}")
    assert len(history.pods()) == MOST_PODS
    assert history.of(WEB, 2.0) == ()
    history.note(WEB, command="ADD", sandbox="s", at=3.0, reason="x" * 10 * MOST_REASON)
    assert len(history.of(WEB, 3.0)[0].reason) == MOST_REASON


def test_pod_without_a_name_is_not_kept() -> None:
    history = CallHistory()
    add(history, 1.0, pod="")
    assert history.pods() == []
