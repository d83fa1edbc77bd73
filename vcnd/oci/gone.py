"""Removals that are answered 404: OCI says that, too, to those who may not remove."""

from collections.abc import Awaitable, Callable

from vcnd.model.cause import Cause
from vcnd.model.errors import CloudGoneError, CloudRefusedError


async def is_there(read: Callable[[], Awaitable[object]]) -> bool:
    """Return False if an object cannot be read any more."""
    try:
        await read()
    except CloudGoneError:
        return False
    return True


async def unless_gone(
    remove: Callable[[], Awaitable[object]], stays: Callable[[], Awaitable[bool]]
) -> None:
    """Remove an object; one that is gone counts as removed.

    Args:
        remove: sends the request; ``CloudGoneError`` stands for the code
            ``NotAuthorizedOrNotFound`` (docs/oci.md#errors).
        stays: the second witness; it is asked after such an answer.

    Raises:
        CloudRefusedError: the object is still there.
    """
    try:
        await remove()
    except CloudGoneError as error:
        if await stays():
            raise CloudRefusedError(
                f"{error}; it is still there: the policy may lack a permission",
                cause=Cause.NOT_AUTHORIZED,
            ) from error
