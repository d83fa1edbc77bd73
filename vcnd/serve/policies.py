"""The daemon's way to the policy process: its socket."""

import socket
from array import array
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Never

import msgspec
import trio

from vcnd.core.backoff import Backoff
from vcnd.model.admission import Admission
from vcnd.model.cause import Cause, Fault
from vcnd.model.sandbox import Lease
from vcnd.serve.ask import AskError, answer_of, request_of

ADMIT = "VCND_POLICY_ADMIT"
GATE = "VCND_POLICY_GATE"
"""It comes with the descriptor of the express lane's gate, and has no answer."""
LIVED_SECONDS = 1.0
"""A process that hangs up sooner has not taken the gate."""
MOST_BYTES = 1 << 16
"""Of an answer: a refusal is shorter."""


class PolicySocket:
    """Asks vcnd-policy (``ports.Policies``)."""

    def __init__(self, path: str, *, patience_seconds: float, strict: bool) -> None:
        """Make it.

        Args:
            path: the socket.
            patience_seconds: one question takes so long at most.
            strict: whether pods are closed while their policies are not known.
        """
        self._path, self._patience = path, patience_seconds
        self._meanwhile = "closed" if strict else "open"

    async def admit(self, lease: Lease) -> Fault | None:
        """Return None when a pod's policies are in force (``Policies.admit``)."""
        question = Admission(
            link=lease.host_ifname,
            addresses=lease.addresses,
            namespace=lease.pod.namespace,
            name=lease.pod.name,
            uid=lease.pod.uid,
        )
        request = request_of(ADMIT, msgspec.to_builtins(question))
        try:
            with trio.fail_after(self._patience):
                reply = await _exchange(self._path, request)
            if not reply:
                return self._fault(Cause.UNREACHABLE, "it ended before it answered")
            answer_of(reply)
        except trio.TooSlowError:
            return self._fault(
                Cause.TIMED_OUT, f"it did not answer within {self._patience:g} s"
            )
        except AskError as error:
            return self._fault(Cause.BAD_ANSWER, str(error))
        except (OSError, ValueError) as error:
            return self._fault(Cause.UNREACHABLE, str(error))
        return None

    async def lend_gate(
        self, gate: Callable[[], Awaitable[int]], random: Random
    ) -> Never:
        """Let vcnd-policy have the express lane's gate, in each of its lives.

        While it has none, the lane hears of its changes by the kernel's events.

        Args:
            gate: returns the gate's descriptor, once there is one.
            random: for jitter.
        """
        descriptor = await gate()
        backoff = Backoff(random, first_seconds=0.2, most_seconds=5.0)
        while True:
            began = trio.current_time()
            with suppress(OSError):
                await _exchange(self._path, request_of(GATE), descriptor)
            if trio.current_time() - began >= LIVED_SECONDS:
                backoff.reset()
            await trio.sleep(backoff.next_delay())

    def _fault(self, cause: Cause, reason: str) -> Fault:
        return Fault(
            cause,
            f"vcnd-policy at {self._path}: {reason}; new pods are {self._meanwhile}"
            " until their policies are in force: see vcndctl policy status and"
            " journalctl -u vcnd-policy",
        )


async def _exchange(path: str, request: bytes, *descriptors: int) -> bytes:
    """Send a request with descriptors; return the reply as far as it came."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))]
    reply = b""
    with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        await sock.connect(path)
        at = await sock.sendmsg([request], rights if descriptors else [])
        while at < len(request):
            at += await sock.send(request[at:])
        while len(reply) < MOST_BYTES and (some := await sock.recv(MOST_BYTES)):
            reply += some
    return reply
