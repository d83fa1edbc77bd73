"""The table that decides what an OCI refusal means.

Keyed by (HTTP status, code); None stands for any other code of that status.
Sources: OCI's API errors page and what clients have seen (docs/oci.md#errors).
"""

from enum import Enum

from vcnd.model.cause import Cause
from vcnd.model.errors import (
    CloudError,
    CloudFullError,
    CloudGoneError,
    CloudRefusedError,
)


class Verdict(Enum):
    """How to react to a refusal."""

    RETRY = "transient: the same request again, with the same retry token"
    WAIT = "the resource is being changed: the same request again, later"
    IDENTIFY = "the token is no longer accepted: a fresh one, then once again"
    GONE = "the object is not there, or may not be seen"
    FULL = "no room: limit, quota or no address left"
    REFUSED = "wrong request or missing right: an operator must act"


VERDICTS: dict[tuple[int, str | None], Verdict] = {
    (400, None): Verdict.REFUSED,
    (400, "LimitExceeded"): Verdict.FULL,
    (400, "QuotaExceeded"): Verdict.FULL,
    (400, "RelatedResourceNotAuthorizedOrNotFound"): Verdict.GONE,
    (401, None): Verdict.IDENTIFY,
    (403, None): Verdict.REFUSED,
    (404, None): Verdict.GONE,
    (405, None): Verdict.REFUSED,
    (408, None): Verdict.RETRY,
    (409, None): Verdict.WAIT,
    (409, "InvalidatedRetryToken"): Verdict.REFUSED,
    (409, "NotAuthorizedOrResourceAlreadyExists"): Verdict.REFUSED,
    (412, None): Verdict.REFUSED,
    (429, None): Verdict.RETRY,
    (501, None): Verdict.REFUSED,
}


TOO_MANY, FORBIDDEN = 429, 403

_CAUSES = {
    Verdict.RETRY: Cause.SERVER_ERROR,
    Verdict.WAIT: Cause.BUSY,
    Verdict.IDENTIFY: Cause.NOT_AUTHENTICATED,
    Verdict.GONE: Cause.NOT_FOUND,
    Verdict.FULL: Cause.LIMIT_REACHED,
    Verdict.REFUSED: Cause.REFUSED,
}


class OciError(Exception):
    """OCI answered with a refusal."""

    def __init__(
        self, *, operation: str, status: int, code: str, message: str, request_id: str
    ) -> None:
        super().__init__(operation, status, code)
        self.operation = operation
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.hint = ""
        """A possible cause, for the reader of the message."""

    def __str__(self) -> str:
        """Return the refusal with the IDs that Oracle's support asks for."""
        return (
            f"{self.operation}: {self.status} {self.code}: {self.message}"
            f" (opc-request-id {self.request_id}){self.hint}"
        )

    @property
    def throttled(self) -> bool:
        """Return True if the calls came too fast."""
        return self.status == TOO_MANY

    @property
    def verdict(self) -> Verdict:
        """Return how to react."""
        exact = VERDICTS.get((self.status, self.code))
        if exact is not None:
            return exact
        return VERDICTS.get((self.status, None), Verdict.RETRY)

    @property
    def cause(self) -> Cause:
        """Return why, as the flows know it."""
        if self.throttled:
            return Cause.THROTTLED
        if self.status == FORBIDDEN:
            return Cause.NOT_AUTHORIZED
        if self.code == "QuotaExceeded":
            return Cause.QUOTA_EXCEEDED
        return _CAUSES[self.verdict]

    def as_cloud_error(self) -> CloudError:
        """Return this refusal as an error of the ``Cloud`` port."""
        kinds = {
            Verdict.FULL: CloudFullError,
            Verdict.GONE: CloudGoneError,
            Verdict.REFUSED: CloudRefusedError,
        }
        return kinds.get(self.verdict, CloudError)(str(self), cause=self.cause)


class NoAnswerError(Exception):
    """No answer came: refused, reset, timed out, or cut in the middle.

    The request may have been carried out.
    """


class BadAnswerError(NoAnswerError):
    """The answer makes no sense.

    It may come from a proxy, or from a service that is starting.  It is not used.
    """

    def __init__(self, operation: str, why: str, request_id: str = "none") -> None:
        super().__init__(
            f"{operation}: the answer makes no sense: {why}"
            f" (opc-request-id {request_id})"
        )
