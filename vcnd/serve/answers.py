"""What answers requests, and its answers."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from vcnd.log import log
from vcnd.model.errors import VcndError
from vcnd.model.phases import Phases
from vcnd.serve import cni_result, wire
from vcnd.serve.cni_request import Request


class Answer(msgspec.Struct, frozen=True):
    """A reply, and what is noted of its call once it is sent."""

    reply: bytes
    note: Callable[[], None] | None = None


class Verbs(Protocol):
    """Answers requests."""

    @property
    def ended_by_hang_up(self) -> frozenset[str]:
        """The commands that end when their caller hangs up."""

    async def answer(self, request: Request, phases: Phases) -> Answer:
        """Return the answer to a request; a refusal is one too.

        Args:
            request: its descriptors are open until this returns.
            phases: take the times of the phases that follow.
        """


def refused(error: VcndError, version: str = wire.LATEST) -> bytes:
    """Return the reply that refuses a request, and log the refusal.

    Args:
        error: why.
        version: CNI's, of the reply.
    """
    log.warning("call_refused", code=error.code, cause=error.cause, reason=str(error))
    return cni_result.frame(1, cni_result.render_error(version, error))


def failed(unit: str, version: str = wire.LATEST) -> tuple[int, bytes]:
    """Return code and reply after a defect of ours, and log the current exception.

    The log has all of it, the caller's error no details.

    Args:
        unit: the name of the unit that failed.
        version: CNI's, of the reply.
    """
    log.exception("call_failed")
    failure = VcndError(f"{unit} failed; see journalctl -u {unit}")
    stdout = cni_result.render_error(version, failure)
    return failure.code, cni_result.frame(1, stdout)
