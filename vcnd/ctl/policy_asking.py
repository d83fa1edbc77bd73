"""Asks vcnd-policy, and says in one sentence why it does not answer."""

import errno
import os
from typing import Any, TypeVar

import click
import msgspec

from vcnd.serve.ask import LOOK_SECONDS, AskError, VersionError, ask
from vcnd.serve.wire import MAX_STDIN_BYTES

T = TypeVar("T")

UNIT = "vcnd-policy"
DEFAULT_SOCKET = "/run/vcnd/policy.sock"

socket = click.option(
    "--policy-socket",
    "policy_path",
    default=lambda: os.environ.get("VCND_POLICY_SOCKET", DEFAULT_SOCKET),
    show_default=DEFAULT_SOCKET,
    help="The socket of vcnd-policy.",
)
UNSENDABLE = (msgspec.EncodeError, ValueError, TypeError, OverflowError, RecursionError)
"""Errors of what JSON cannot say: bytes that are no UTF-8, larger numbers."""


class PolicyAsker:
    """Asks vcnd-policy by its socket."""

    def __init__(self, path: str) -> None:
        self._path = path

    def raw(self, verb: str, question: msgspec.Struct | None = None) -> Any:
        """Return an answer as it came.

        Args:
            verb: one of ``serve.policy_verbs``.
            question: what is asked.

        Raises:
            AskError: no answer came, or a refusal.
        """
        try:
            asked = None if question is None else msgspec.to_builtins(question)
            size = 0 if asked is None else len(msgspec.json.encode(asked))
        except UNSENDABLE as error:
            raise AskError(f"the question cannot be sent: {error}") from error
        if size > MAX_STDIN_BYTES // 2:  # JSON with spaces, and escaped, is longer
            raise AskError(f"the question has {size} bytes: ask in smaller parts")
        try:
            return ask(self._path, verb, asked, unit=UNIT, seconds=LOOK_SECONDS)
        except AskError as error:
            raise type(error)(self._reason(error)) from error

    def _reason(self, error: AskError) -> str:
        """Return what is wrong, and what to do."""
        text, cause = str(error), error.__cause__
        off = '[policy] enforcement is "off" in its configuration'
        match getattr(cause, "errno", None):
            case errno.ENOENT:
                return f"no socket {self._path}: this node has no {UNIT}, or {off}"
            case errno.ECONNREFUSED:
                return (
                    f"{UNIT} does not listen on {self._path}:"
                    f" see systemctl status {UNIT}.socket {UNIT}"
                )
            case errno.EACCES | errno.EPERM:
                return f"{self._path}: only root may ask {UNIT}"
            case _:
                pass
        if "ended before it answered" in text:
            return f"{text}; it also ends if {off}"
        return text

    def ask(
        self, verb: str, kind: type[T], question: msgspec.Struct | None = None
    ) -> T:
        """Return an answer as a value.

        Args:
            verb: one of ``serve.policy_verbs``.
            kind: the answer's type.
            question: what is asked.

        Raises:
            AskError: no answer came, it is a refusal, or it is of another form.
        """
        return self.read(self.raw(verb, question), kind)

    def read(self, answer: Any, kind: type[T]) -> T:
        """Return an answer as a value.

        Raises:
            AskError: it is of another form.
        """
        try:
            return msgspec.convert(answer, kind)
        except msgspec.ValidationError as error:
            raise VersionError(
                f"the answer of {UNIT} is not as expected ({error}); are {UNIT} and"
                " vcndctl of one version? --json prints it as it is"
            ) from error
