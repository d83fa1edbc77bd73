"""Errors for the API server's refusals."""


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


class BadAnswerError(KubeError):
    """The answer makes no sense; the outcome of a write is unknown."""

    def __str__(self) -> str:
        """Return the request and what is wrong with its answer."""
        return f"{self.what}: the answer makes no sense: {self.message}"


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
