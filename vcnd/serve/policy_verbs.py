"""Answers the daemon and vcndctl: what vcnd-policy serves."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import trio

from vcnd.model.admission import Admission
from vcnd.model.cause import Cause
from vcnd.model.errors import BadRequestError, VcndError
from vcnd.model.metrics import Reading
from vcnd.model.phases import Phases
from vcnd.model.policy_answers import DryRunAnswer, ExplainAnswer, PodShown
from vcnd.model.policy_questions import DryRunQuestion, ExplainQuestion, ShowQuestion
from vcnd.model.policy_status import PolicyStatus
from vcnd.serve import cni_result
from vcnd.serve.answers import Answer, failed, refused
from vcnd.serve.cni_request import Request
from vcnd.serve.policies import ADMIT, GATE
from vcnd.serve.questions import asked

STATUS = "VCND_POLICY_STATUS"
SHOW, EXPLAIN = "VCND_POLICY_SHOW", "VCND_POLICY_EXPLAIN"
DRY_RUN, METRICS = "VCND_POLICY_DRY_RUN", "VCND_POLICY_METRICS"
UNIT = "vcnd-policy"


class PolicyVerbs(msgspec.Struct, frozen=True, kw_only=True):
    """The functions that carry the verbs out.

    A verb is a value of CNI_COMMAND, and what it is asked stands in JSON on stdin.
    """

    report: Callable[[], PolicyStatus]
    """Return the process' state."""
    admit: Callable[[Admission], Awaitable[None]]
    """Return when a pod's policies are in force."""
    show: Callable[[ShowQuestion], Awaitable[PodShown]]
    """Return what policies say about a pod, and what is in force."""
    explain: Callable[[ExplainQuestion], Awaitable[ExplainAnswer]]
    """Return the verdict on a connection."""
    dry_run: Callable[[DryRunQuestion], Awaitable[DryRunAnswer]]
    """Return which connections some policies would deny."""
    metrics: Callable[[], Awaitable[Reading]]
    """Return the process' metrics."""
    take_gate: Callable[[int], None]
    """Take the express lane's gate, by a descriptor that is closed afterwards."""
    ended_by_hang_up: frozenset[str] = frozenset({ADMIT, GATE})

    async def answer(self, request: Request, phases: Phases) -> Answer:
        """Carry a request out."""
        try:
            command = request.environment.get("CNI_COMMAND", "")
            return Answer(cni_result.frame(0, await self._carry_out(command, request)))
        except VcndError as error:
            return Answer(refused(error))
        except OSError as error:
            return Answer(refused(_not_read(error)))
        except Exception:
            return Answer(failed(UNIT)[1])

    async def _carry_out(self, command: str, request: Request) -> bytes:
        stdin = request.stdin
        if command == ADMIT:
            await self.admit(asked(stdin, Admission))
            return b"{}"
        if command == GATE:
            self._take_gate(request.descriptors)
            # The daemon lends it again when this process has ended.
            await trio.sleep_forever()
        if command == STATUS:
            return msgspec.json.encode(self.report())
        if command == SHOW:
            return msgspec.json.encode(await self.show(asked(stdin, ShowQuestion)))
        if command == EXPLAIN:
            question = asked(stdin, ExplainQuestion)
            return msgspec.json.encode(await self.explain(question))
        if command == DRY_RUN:
            wanted = asked(stdin, DryRunQuestion)
            return msgspec.json.encode(await self.dry_run(wanted))
        if command == METRICS:
            return msgspec.json.encode(await self.metrics())
        raise BadRequestError(f"vcnd-policy has no verb {command!r}")

    def _take_gate(self, descriptors: Sequence[int]) -> None:
        if len(descriptors) != 1:
            raise BadRequestError(f"{len(descriptors)} descriptors came, and not one")
        self.take_gate(descriptors[0])


def _not_read(error: OSError) -> VcndError:
    """Return the refusal of a question that the kernel did not let us answer."""
    cause = Cause.KERNEL_REFUSED
    return VcndError("the kernel does not tell", details=str(error), cause=cause)
