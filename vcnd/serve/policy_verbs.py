"""Answers the daemon and vcndctl: what vcnd-policy serves."""

from collections.abc import Callable

import msgspec

from vcnd.model.errors import BadRequestError, VcndError
from vcnd.model.phases import Phases
from vcnd.model.policy_status import PolicyStatus
from vcnd.serve import cni_result
from vcnd.serve.answers import Answer, failed, refused
from vcnd.serve.cni_request import Request

STATUS = "VCND_POLICY_STATUS"
UNIT = "vcnd-policy"


class PolicyVerbs(msgspec.Struct, frozen=True, kw_only=True):
    """The functions that carry the verbs out.

    A verb is a value of CNI_COMMAND, and what it is asked stands in JSON on stdin.
    """

    report: Callable[[], PolicyStatus]
    """Return the process' state."""
    ended_by_hang_up: frozenset[str] = frozenset()

    async def answer(self, request: Request, phases: Phases) -> Answer:
        """Carry a request out."""
        try:
            command = request.environment.get("CNI_COMMAND", "")
            return Answer(cni_result.frame(0, await self._carry_out(command)))
        except VcndError as error:
            return Answer(refused(error))
        except Exception:
            return Answer(failed(UNIT)[1])

    async def _carry_out(self, command: str) -> bytes:
        if command == STATUS:
            return msgspec.json.encode(self.report())
        raise BadRequestError(f"vcnd-policy has no verb {command!r}")
