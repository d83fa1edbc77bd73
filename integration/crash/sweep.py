"""All runs of a scenario: a kill before and after each step, and a refusal of each."""

import errno
from collections.abc import Callable

import msgspec

from integration.crash.kills import Outcome, Run
from integration.crash.plan import Plan
from integration.crash.scenarios import Scenario
from integration.crash.stage import Stage


class Summary(msgspec.Struct, kw_only=True):
    """What the runs of a scenario have seen."""

    steps: int = 0
    """The daemon's steps without a kill."""
    kills: int = 0
    errnos: int = 0
    """How many steps were refused."""
    answers: dict[str, int] = msgspec.field(default_factory=dict)
    """The refusals that the runtime got, and how often."""
    violations: list[str] = msgspec.field(default_factory=list)
    seconds: float = 0.0


MOST_FAILED = 3
"""After so many runs one after another that did not come to their step, it is over."""
Tell = Callable[[str, Outcome], None]


async def sweep(
    stage: Stage, scenario: Scenario, *, every: int, errnos: bool, tell: Tell
) -> Summary:
    """Run a scenario until it has no further step.

    Args:
        stage: where.
        scenario: the scenario.
        every: stop at each ``every``-th step only.
        errnos: refuse steps, too.
        tell: called with each run's outcome and its plan in words.
    """
    await scenario.enter(stage)
    summary = Summary()
    number = 1

    async def run(plan: Plan) -> Outcome:
        outcome = await Run(stage, scenario, plan).go()
        words = _words(plan, outcome)
        tell(words, outcome)
        summary.violations += [
            f"{scenario.name}, {words}: {found}" for found in outcome.violations
        ]
        if outcome.answer:
            summary.answers[outcome.answer] = summary.answers.get(outcome.answer, 0) + 1
        return outcome

    failed = 0
    while failed < MOST_FAILED:
        outcome = await run(Plan(step=number))
        if outcome.step is None and not outcome.violations:
            summary.steps = outcome.steps
            break
        if outcome.step is None:
            failed += 1  # before the daemon was traced: try the next step
            number += every
            continue
        failed = 0
        summary.kills += 1
        if outcome.step.changes:
            after = await run(Plan(step=number, after=True))
            summary.kills += after.step is not None
        if errnos:
            refused = await run(Plan(step=number, refuse=True))
            summary.errnos += refused.step is not None
        number += every
    return summary


def _words(plan: Plan, outcome: Outcome) -> str:
    if outcome.step is None:
        return f"no step {plan.step}"
    if plan.refuse:
        return f"{errno.errorcode.get(outcome.error)} at {outcome.step}"
    return f"SIGKILL {'after' if plan.after else 'before'} {outcome.step}"
