"""One run of a scenario: a kill at a step, or its refusal; then the comparison."""

from contextlib import suppress

import msgspec
import trio

from integration.checking import CheckError
from integration.crash.durable import answered_too_early
from integration.crash.forked import at_once
from integration.crash.plan import Left, Plan
from integration.crash.scenarios import Scenario
from integration.crash.stage import DaemonEndedError, Stage
from integration.crash.steps import Kind, Step, occasion
from integration.lab.cni_exec import CniError
from vcnd.netlink.netns import EXIT_NAMESPACE_LOST
from vcnd.serve.ask import AskError
from vcnd.serve.verbs import EXPRESS_ON

CALL_SECONDS = 45.0
"""A call that takes longer, restart included, waits too long (I11)."""
QUIET_SECONDS = 0.25
"""The daemon's work has ended when it has made no step for this long."""
RIGHT_CODES = (11, 50)
"""CNI's "try again later" and "not available"; others say that the call is wrong, or
that the daemon has a defect."""


DEFECT = "vcnd failed"
"""So begins the answer to vcndctl after an error that nobody foresaw."""
FAILURES = (CheckError, CniError, AskError, RuntimeError, ExceptionGroup)
"""What a run that fails in the middle raises."""


def leaves(error: Exception) -> list[str]:
    """Return an error in words; of a group, each of its errors."""
    if isinstance(error, ExceptionGroup):
        return [words for one in error.exceptions for words in leaves(one)]
    return [f"{type(error).__name__}: {error}"]


class Outcome(msgspec.Struct, kw_only=True):
    """What one run has seen."""

    steps: int = 0
    """How many steps the daemon made until it ended, or was quiet."""
    step: Step | None = None
    """The step at which it was killed, or that was refused; None: it did not come."""
    occasion: str = ""
    """On which occasion this step was made."""
    error: int = 0
    """The error with which the step was refused."""
    answer: str = ""
    """The refusal that the runtime got."""
    violations: list[str] = msgspec.field(default_factory=list)


class Run:
    """One run of a scenario under a plan."""

    def __init__(self, stage: Stage, scenario: Scenario, plan: Plan) -> None:
        self._stage, self._scenario, self._plan = stage, scenario, plan
        self._outcome = Outcome()
        self._finished = trio.Event()
        self._succeeded = False
        self._given_up = trio.CancelScope()

    async def go(self) -> Outcome:
        """Return what was seen."""
        stage, scenario, outcome = self._stage, self._scenario, self._outcome
        stage.violations = outcome.violations
        try:
            await scenario.prepare(stage)
            stays = self._plan.refuse and not scenario.starts_daemon
            before = stage.descriptors() if stays else None
            left = await self._traced()
            stage.violations += answered_too_early(left.steps, left.ends)
            if not self._succeeded:
                await scenario.retry(stage)
            survived = await self._compare()
            step = outcome.step
            is_off = self._plan.refuse and step is not None and step.kind is Kind.BPF
            if is_off and stage.victim is stage.node and stage.node.runs:
                # Without the right to load programs the lane stays off until then.
                await stage.ask(EXPRESS_ON.name)
            await scenario.reset(stage)
            await scenario.compare_with_first(stage)
            if before is not None and survived and not left.gone:
                await stage.descriptors_as(before)
        except FAILURES as error:
            stage.violations += leaves(error)
            with suppress(CheckError):
                await scenario.recover(stage)
        stage.packets_lost()
        return outcome

    async def _compare(self) -> bool:
        """Compare; return False if the daemon has ended meanwhile, as is designed."""
        try:
            await self._scenario.compare(self._stage)
        except* DaemonEndedError as group:
            for error in group.exceptions:
                if isinstance(error, DaemonEndedError):
                    self._judge_end(error.code)
            ended = True
        else:
            ended = False
        if ended:
            await self._stage.victim.start()
            await self._scenario.compare(self._stage)
        return not ended

    async def _traced(self) -> Left:
        """Make the call under the plan; return when a daemon runs without a tracer."""
        stage, outcome = self._stage, self._outcome
        stage.tracer.forget()
        async with trio.open_nursery() as nursery:
            if self._scenario.starts_daemon:
                stage.stem.before_begin = self._attach
            else:
                await self._attach(stage.victim.pid)
            nursery.start_soon(self._call)
            await stage.tracer.killed_or(self._finished)
            refused = stage.tracer.acted and self._plan.refuse
            left = await stage.tracer.leave(0 if refused else QUIET_SECONDS)
            stage.stem.before_begin = at_once
            outcome.steps = len(left.steps)
            outcome.step, outcome.error = left.step, left.error
            if left.step is not None:
                outcome.occasion = occasion(left.steps[: left.step.number])
            if left.gone and not self._scenario.starts_daemon:
                await self._restart()
            with trio.move_on_after(CALL_SECONDS):
                await self._finished.wait()
                if left.gone and self._scenario.starts_daemon and self._succeeded:
                    # It had started, and was killed in what it does then.
                    await self._restart()
                return left
            stage.violations.append(f"I11: no answer after {CALL_SECONDS:.0f} s")
            nursery.cancel_scope.cancel()
        return left

    async def _attach(self, pid: int) -> None:
        await self._stage.tracer.attach(pid, self._stage.place, self._plan)

    async def _call(self) -> None:
        with self._given_up:
            try:
                await self._scenario.call(self._stage)
                self._succeeded = True
            except (CniError, AskError, RuntimeError) as error:
                self._judge(error)
            except CheckError as error:
                # The report names the step all the same.
                self._stage.violations += leaves(error)
        self._finished.set()

    def _judge(self, error: CniError | AskError | RuntimeError) -> None:
        """Note whether the runtime got the right answer."""
        if isinstance(error, RuntimeError):
            if self._plan.refuse:
                self._judge_end(1)
            return
        self._outcome.answer = str(error)
        if isinstance(error, AskError) and str(error).startswith(DEFECT):
            self._stage.violations.append(f"a defect of the daemon: {error}")
        if isinstance(error, CniError) and error.code not in RIGHT_CODES:
            self._stage.violations.append(f"CNI error {error.code}: {error}")

    async def _restart(self) -> None:
        """Start the daemon again, as systemd does."""
        victim = self._stage.victim
        code = await victim.ended()
        if self._plan.refuse:
            self._judge_end(code)
        elif self._plan.after:
            # The runtime ends, too: it does not hear what became of its call.
            self._given_up.cancel()
        await victim.start()

    def _judge_end(self, code: int) -> None:
        step = self._outcome.step
        on_purpose = (
            code == EXIT_NAMESPACE_LOST
            and step is not None
            and step.kind is Kind.NAMESPACE
        )
        words = self._stage.victim.log_path.read_text().splitlines()[-1:]
        if code == 1 and self._scenario.starts_daemon and words:
            on_purpose = words[0].startswith(("vcnd: ", "vcnd-policy: "))
        if not on_purpose:
            self._stage.violations.append(f"the daemon ended with {code}: {words}")
