"""All runs of a scenario: a kill before and after each step, and a refusal of each."""

import errno
from collections.abc import Awaitable, Callable

import msgspec
from msgspec.structs import replace

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
    stage: Stage,
    scenario: Scenario,
    *,
    every: int,
    errnos: bool,
    reads: bool,
    tell: Tell,
) -> Summary:
    """Run a scenario until it has no further step.

    Args:
        stage: where.
        scenario: the scenario.
        every: stop at each ``every``-th step only.
        errnos: refuse steps, too.
        reads: kill before steps, too, that only read.
        tell: called with each run's outcome and its plan in words.
    """
    await scenario.enter(stage)
    summary = Summary()

    async def run(plan: Plan) -> Outcome:
        outcome = await Run(stage, scenario, plan).go()
        words = _words(plan, outcome)
        tell(words, outcome)
        summary.violations += [
            f"{scenario.name}, {words}: {found}" for found in outcome.violations
        ]
        if outcome.step is not None and plan.refuse:
            summary.errnos += 1
        elif outcome.step is not None:
            summary.kills += 1
        if outcome.answer:
            summary.answers[outcome.answer] = summary.answers.get(outcome.answer, 0) + 1
        return outcome

    plans = [Plan(step=1, reads=reads), Plan(step=1, after=True)]
    if errnos:
        plans.append(Plan(step=1, refuse=True))
    for plan in plans:
        steps = await _all_steps(run, plan, every)
        summary.steps = max(summary.steps, steps)
    stage.violations = summary.violations
    await scenario.leave(stage)
    return summary


async def _all_steps(
    run: Callable[[Plan], Awaitable[Outcome]], plan: Plan, every: int
) -> int:
    """Run a plan at each step; return how many steps there are."""
    number, failed, tried = 1, 0, set[str]()
    while failed < MOST_FAILED:
        outcome = await run(replace(plan, step=number, tried=frozenset(tried)))
        tried.add(outcome.occasion)
        if outcome.step is not None:
            number, failed = outcome.step.number + every, 0
        elif not outcome.violations:
            return outcome.steps
        else:
            # Before the daemon was traced: try the next step.
            number, failed = number + every, failed + 1
    return 0


def _words(plan: Plan, outcome: Outcome) -> str:
    if outcome.step is None:
        return f"no step {plan.step}"
    if plan.refuse:
        return f"{errno.errorcode.get(outcome.error)} at {outcome.step}"
    return f"SIGKILL {'after' if plan.after else 'before'} {outcome.step}"
