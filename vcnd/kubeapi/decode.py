"""Answers of the API server become values, or ``BadAnswerError``."""

from typing import TypeVar

import msgspec

from vcnd.foreign import UNDECODABLE, printable
from vcnd.kubeapi.errors import BadAnswerError

T = TypeVar("T")


def decode(what: str, content: bytes, kind: type[T]) -> T:
    """Return the JSON of an answer as a value.

    Args:
        what: the request, for the error.
        content: the answer's body.
        kind: the value's type.

    Raises:
        BadAnswerError: it is no JSON of that type.  A proxy's page says 200, too.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except UNDECODABLE as error:
        raise BadAnswerError(what, message=printable(str(error), 128)) from error
