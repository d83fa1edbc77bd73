"""Refusals in OCI's words (docs/oci.md#errors)."""


class ServiceError(Exception):
    """An operation was refused."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message


def invalid(message: str) -> ServiceError:
    """Return 400 InvalidParameter."""
    return ServiceError(400, "InvalidParameter", message)


def missing(message: str) -> ServiceError:
    """Return 400 MissingParameter."""
    return ServiceError(400, "MissingParameter", message)


def limit_exceeded(message: str) -> ServiceError:
    """Return 400 LimitExceeded; OCI publishes no text for addresses, so it is ours."""
    return ServiceError(400, "LimitExceeded", message)


def not_found() -> ServiceError:
    """Return 404; OCI uses the same text for missing objects and missing rights."""
    return ServiceError(
        404,
        "NotAuthorizedOrNotFound",
        "Authorization failed or requested resource not found.",
    )


def being_modified(what: str) -> ServiceError:
    """Return 409 Conflict: OCI makes one change at a time per instance or VNIC."""
    return ServiceError(
        409, "Conflict", f"{what} is currently being modified, try again later"
    )


def conflict(what: str) -> ServiceError:
    """Return 409 Conflict: other objects still use the object."""
    return ServiceError(409, "Conflict", f"{what} is still in use")


def incorrect_state(what: str, state: str) -> ServiceError:
    """Return 409 IncorrectState: the object's state does not allow the operation."""
    return ServiceError(409, "IncorrectState", f"{what} is {state}")


def etag_mismatch() -> ServiceError:
    """Return 412 NoEtagMatch."""
    return ServiceError(
        412, "NoEtagMatch", "The etag in if-match is not the current one."
    )
