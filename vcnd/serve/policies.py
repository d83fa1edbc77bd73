"""The daemon's way to the policy process: its socket."""

import socket

import msgspec
import trio

from vcnd.model.admission import Admission
from vcnd.model.cause import Cause, Fault
from vcnd.model.sandbox import Lease
from vcnd.serve.ask import AskError, answer_of, request_of

ADMIT = "VCND_POLICY_ADMIT"
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

    def _fault(self, cause: Cause, reason: str) -> Fault:
        return Fault(
            cause,
            f"vcnd-policy at {self._path}: {reason}; new pods are {self._meanwhile}"
            " until their policies are in force: see vcndctl policy status and"
            " journalctl -u vcnd-policy",
        )


async def _exchange(path: str, request: bytes) -> bytes:
    """Send a request; return the reply as far as it came."""
    reply = b""
    with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        await sock.connect(path)
        at = 0
        while at < len(request):
            at += await sock.send(request[at:])
        while len(reply) < MOST_BYTES and (some := await sock.recv(MOST_BYTES)):
            reply += some
    return reply
