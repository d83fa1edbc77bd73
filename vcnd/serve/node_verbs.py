"""Answers the shim and vcndctl: what the daemon serves."""

import secrets
from functools import partial

import trio

from vcnd.core.call_history import CallHistory
from vcnd.log import log, trace
from vcnd.model.cause import Cause
from vcnd.model.errors import VcndError
from vcnd.model.phases import Phases
from vcnd.serve import cni_result, wire
from vcnd.serve.answers import Answer, failed, refused
from vcnd.serve.call_meter import CallMeter
from vcnd.serve.cni import CniVerbs, Done
from vcnd.serve.cni_call import Call, parse_call
from vcnd.serve.cni_request import Request
from vcnd.serve.control import ControlVerbs
from vcnd.serve.traces import Traces
from vcnd.serve.verbs import COMMANDS


class NodeVerbs:
    """CNI's verbs, and those of vcndctl."""

    ended_by_hang_up = frozenset({"ADD"})
    """Nobody would learn the address.  Other verbs are carried out to their end."""

    def __init__(
        self,
        *,
        cni: CniVerbs,
        control: ControlVerbs,
        traces: Traces,
        meter: CallMeter,
        history: CallHistory,
    ) -> None:
        """Make them.

        Args:
            cni: carries out CNI's verbs.
            control: carries out those of vcndctl.
            traces: notes the phases of calls.
            meter: counts calls.
            history: notes how the calls of pods ended.
        """
        self._cni = cni
        self._control = control
        self._traces = traces
        self._meter = meter
        self._history = history

    async def answer(self, request: Request, phases: Phases) -> Answer:
        """Carry a request out; its trace is noted once the reply is sent."""
        command = request.environment.get("CNI_COMMAND", "")
        if command in COMMANDS:
            return await self._answer_control(command, request.stdin)
        return await self._answer_call(command, request, phases)

    async def _answer_control(self, command: str, question: bytes) -> Answer:
        try:
            stdout = await self._control.carry_out(command, question)
        except VcndError as error:
            return Answer(refused(error))
        except Exception:
            return Answer(failed("vcnd")[1])
        return Answer(cni_result.frame(0, stdout))

    async def _answer_call(
        self, command: str, request: Request, phases: Phases
    ) -> Answer:
        version, call = wire.LATEST, None
        environment = request.environment
        try:
            # The trace ID ties the call's log lines to its requests to OCI.
            trace.set(wire.trace_of(environment) or secrets.token_hex(16))
            config = wire.parse_config(request.stdin)
            version = wire.version_of(config)
            call = parse_call(environment, config)
            done = await self._cni.carry_out(call, request.descriptors, phases)
            reply = cni_result.frame(0, done.stdout)
            return Answer(reply, partial(self._note_done, call, phases, done))
        except VcndError as error:
            cause, code, reply = error.cause, error.code, refused(error, version)
            reason = str(error)
        except trio.Cancelled:
            self._meter.hung_up(command)
            raise
        except Exception:
            cause, (code, reply) = Cause.DEFECT, failed("vcnd", version)
            reason = "a defect of vcnd; see journalctl -u vcnd"

        def note() -> None:
            self._meter.note(command, cause, phases)
            if call is not None:
                self._traces.note(call, code, phases)
                self._remember(call, cause, reason)

        return Answer(reply, note)

    def _note_done(self, call: Call, phases: Phases, done: Done) -> None:
        self._meter.note(call.command, None, phases)
        self._traces.note(call, 0, phases)
        self._remember(call, None, "")
        if done.is_logged:
            log.info(
                "call",
                command=call.command,
                sandbox=str(call.key),
                pod=str(call.pod),
                ms=round(phases.spent * 1000, 2),
                **done.outcome,
            )

    def _remember(self, call: Call, cause: Cause | None, reason: str) -> None:
        """Note how a call of a pod ended; CNI STATUS and GC are none of a pod's."""
        self._history.note(
            str(call.pod),
            command=call.command,
            sandbox=str(call.key),
            at=trio.current_time(),
            cause=cause,
            reason=reason,
        )
