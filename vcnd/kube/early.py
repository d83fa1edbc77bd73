"""The annotation of a Node that tells pods' addresses before their status does."""

from collections.abc import Mapping, Sequence

import msgspec

from vcnd.foreign import UNDECODABLE

ANNOTATION = "vcnd.io/early-addresses"
MOST_BYTES = 64 * 1024
"""All annotations of an object may have 256 KiB."""

_decoder = msgspec.json.Decoder(dict[str, list[str]])


def encode(addresses: Mapping[str, Sequence[str]]) -> str | None:
    """Return the annotation's value: addresses by pods' uids.  None: there are none.

    What does not fit is left out, the last pods first.
    """
    parts, size = list[bytes](), 0
    for uid, some in addresses.items():
        part = msgspec.json.encode({uid: list(some)})[1:-1]
        size += len(part) + 1
        if size > MOST_BYTES:
            break
        parts.append(part)
    return f"{{{b','.join(parts).decode()}}}" if parts else None


def decode(value: str) -> dict[str, tuple[str, ...]]:
    """Return the addresses by the pods' uids.

    Raises:
        ValueError: it is not what ``encode`` makes.
    """
    try:
        found = _decoder.decode(value)
    except UNDECODABLE as error:
        raise ValueError(str(error)) from error
    return {uid: tuple(some) for uid, some in found.items()}
