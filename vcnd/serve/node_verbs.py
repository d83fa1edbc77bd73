"""Answers the shim and vcndctl: what the daemon serves."""

import secrets
from functools import partial

from vcnd.log import log, trace
from vcnd.model.errors import VcndError
from vcnd.model.phases import Phases
from vcnd.serve import cni_result, wire
from vcnd.serve.answers import Answer, failed, refused
from vcnd.serve.cni import CniVerbs, Done
from vcnd.serve.cni_call import Call, parse_call
from vcnd.serve.cni_request import Request
from vcnd.serve.control import COMMANDS, ControlVerbs
from vcnd.serve.traces import Traces


class NodeVerbs:
    """CNI's verbs, and those of vcndctl."""

    ended_by_hang_up = frozenset({"ADD"})
    """Nobody would learn the address.  Other verbs are carried out to their end."""

    def __init__(self, *, cni: CniVerbs, control: ControlVerbs, traces: Traces) -> None:
        self._cni = cni
        self._control = control
        self._traces = traces

    async def answer(self, request: Request, phases: Phases) -> Answer:
        """Carry a request out; its trace is noted once the reply is sent."""
        version, call = wire.LATEST, None
        environment = request.environment
        try:
            command = environment.get("CNI_COMMAND", "")
            if command in COMMANDS:
                stdout = await self._control.carry_out(command)
                return Answer(cni_result.frame(0, stdout))
            # The trace ID ties the call's log lines to its requests to OCI.
            trace.set(wire.trace_of(environment) or secrets.token_hex(16))
            config = wire.parse_config(request.stdin)
            version = wire.version_of(config)
            call = parse_call(environment, config)
            done = await self._cni.carry_out(call, request.descriptors, phases)
            note = partial(self._note_done, call, phases, done)
            return Answer(cni_result.frame(0, done.stdout), note)
        except VcndError as error:
            code, reply = error.code, refused(error, version)
        except Exception:
            code, reply = failed("vcnd", version)
        if call is None:
            return Answer(reply)
        return Answer(reply, partial(self._traces.note, call, code, phases))

    def _note_done(self, call: Call, phases: Phases, done: Done) -> None:
        self._traces.note(call, 0, phases)
        if done.is_logged:
            log.info(
                "call",
                command=call.command,
                sandbox=str(call.key),
                pod=str(call.pod),
                ms=round(phases.spent * 1000, 2),
                **done.outcome,
            )
