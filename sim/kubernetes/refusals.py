"""The API server's refusals, as it words them (kind Status)."""

from typing import Any

from sim.kubernetes.resources import Body, Resource

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class RefusedError(Exception):
    """The API server refuses a request."""

    def __init__(
        self, code: int, message: str, *, reason: str = "", **more: Any
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status(code, message, reason=reason, **more)


def status(code: int, message: str, *, reason: str = "", **more: Any) -> Body:
    """Return the body of a refusal; ``more`` may have ``metadata`` and ``details``."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason or REASONS[code],
        "code": code,
        **more,
    }


def _named(resource: Resource, name: str) -> str:
    group = f".{resource.group}" if resource.group else ""
    return f'{resource.plural}{group} "{name}"'


def not_found(resource: Resource, name: str) -> RefusedError:
    """Return the refusal of a request for an object that is not there."""
    return RefusedError(404, f"{_named(resource, name)} not found")


def no_such_path() -> RefusedError:
    """Return the refusal of a request for a kind that is not there."""
    return RefusedError(404, "the server could not find the requested resource")


def exists_already(resource: Resource, name: str) -> RefusedError:
    """Return the refusal to create an object that is there."""
    message = f"{_named(resource, name)} already exists"
    return RefusedError(409, message, reason="AlreadyExists")


def conflict(resource: Resource, name: str) -> RefusedError:
    """Return the refusal of a write that names another version."""
    return RefusedError(
        409,
        f"Operation cannot be fulfilled on {_named(resource, name)}: the object has"
        " been modified; please apply your changes to the latest version and try again",
    )


def invalid(resource: Resource, name: str, why: str) -> RefusedError:
    """Return the refusal of an object that is against its kind's rules."""
    return RefusedError(422, f'{resource.kind} "{name}" is invalid: {why}')


def forbidden(resource: Resource, verb: str, why: str) -> RefusedError:
    """Return the refusal of a request that its sender has no right to."""
    return RefusedError(403, f"{resource.plural} is forbidden: cannot {verb}: {why}")


def too_old(since: int, oldest: int) -> Body:
    """Return what a watch from a version says that the server no longer has."""
    return status(410, f"too old resource version: {since} ({oldest})")


def too_large(asked: int, newest: int) -> RefusedError:
    """Return the refusal of a list that is to be as new as no version yet."""
    message = f"Timeout: Too large resource version: {asked}, current: {newest}"
    return RefusedError(504, message)


def continue_expired(token: str) -> RefusedError:
    """Return the refusal of a list's next page after a compaction.

    Args:
        token: asks for the rest as it is now, which the list's beginning does not fit.
    """
    message = (
        "The provided continue parameter is too old to display a consistent list"
        " result. You can start a new list without the continue parameter, or use the"
        " continue token in this response to retrieve the remainder of the results."
    )
    return RefusedError(410, message, metadata={"continue": token})
