"""The one place where bytes of OCI become values: API, identity and metadata.

Bad bytes (no JSON, another structure, values that make no sense) lead to
``BadAnswerError``.  The checks of single values are in ``ociapi.values``.
"""

from typing import TypeVar

import msgspec

from vcnd.foreign import UNDECODABLE, printable
from vcnd.ociapi.errors import BadAnswerError

T = TypeVar("T")


def decode(body: bytes, kind: type[T], *, operation: str, request_id: str) -> T:
    """Return the JSON of an answer as a value.

    Raises:
        BadAnswerError: it is no JSON of that type.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except UNDECODABLE as error:
        raise BadAnswerError(operation, _why(body, error), request_id) from error


def _why(body: bytes, error: Exception) -> str:
    if not body.strip():
        return "no body"
    if isinstance(error, RecursionError):
        return "JSON that is nested too deep"
    start = printable(body, 48)
    return f"{printable(str(error), 128)} in {len(body)} bytes that begin {start!r}"
