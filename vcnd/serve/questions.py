"""Reads the questions of vcndctl, which come as JSON on a call's stdin."""

from typing import TypeVar

import msgspec

from vcnd.foreign import UNDECODABLE
from vcnd.model.errors import BadRequestError

T = TypeVar("T")


def asked(stdin: bytes, kind: type[T]) -> T:
    """Return a question.

    Raises:
        BadRequestError: it is no JSON, or of another form.
    """
    try:
        return msgspec.json.decode(stdin, type=kind)
    except UNDECODABLE as error:
        raise BadRequestError(
            "the question cannot be read", details=str(error)
        ) from error
