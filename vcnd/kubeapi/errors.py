"""Errors for the API server's refusals."""

from vcnd.model.cause import Cause

SERVER_ERRORS = 500
"""HTTP statuses from here on are the server's own failures."""

_CAUSES = {
    0: Cause.UNREACHABLE,
    401: Cause.NOT_AUTHENTICATED,
    403: Cause.NOT_AUTHORIZED,
    404: Cause.NOT_FOUND,
    409: Cause.BUSY,
    429: Cause.THROTTLED,
}


class KubeError(Exception):
    """The API server refused a request, or did not answer it."""

    def __init__(
        self, what: str, *, status: int = 0, reason: str = "", message: str = ""
    ) -> None:
        super().__init__(what)
        self.what = what
        self.status = status
        """HTTP status; 0 when there was no answer."""
        self.reason = reason
        self.message = message
        self.retry_after_seconds = 0.0

    def __str__(self) -> str:
        """Return the request and its outcome."""
        if not self.status:
            return f"{self.what}: no answer: {self.message}"
        return f"{self.what}: {self.status} {self.reason}: {self.message}"

    @property
    def cause(self) -> Cause:
        """Return why, as the flows know it."""
        failed = self.status >= SERVER_ERRORS
        other = Cause.SERVER_ERROR if failed else Cause.REFUSED
        return _CAUSES.get(self.status, other)


class BadAnswerError(KubeError):
    """The answer makes no sense; the outcome of a write is unknown."""

    def __str__(self) -> str:
        """Return the request and what is wrong with its answer."""
        return f"{self.what}: the answer makes no sense: {self.message}"

    @property
    def cause(self) -> Cause:
        """Return why, as the flows know it."""
        return Cause.BAD_ANSWER


class ExpiredError(KubeError):
    """410: the resourceVersion is too old to go on from; list again."""


class NotFoundError(KubeError):
    """404: there is no such object, or no such kind."""


class ConflictError(KubeError):
    """409: the object exists already, or was changed meanwhile."""


def refusal(what: str, status: int, reason: str, message: str) -> KubeError:
    """Return the error for an HTTP status."""
    kinds = {404: NotFoundError, 409: ConflictError, 410: ExpiredError}
    kind = kinds.get(status, KubeError)
    return kind(what, status=status, reason=reason, message=message)
