"""A world's state as a document, so that a restarted fake keeps its cloud.

Settings, policies and on-premises networks still come from the world file; the document
has all that the API can change.  An attachment that was ATTACHING starts that state
again; a work request that was not complete has failed.
"""

from typing import Any

import msgspec

from fakeoci.world import instances, vnics
from fakeoci.world.compartments import Compartment
from fakeoci.world.resources import Address, Instance, VnicAttachment, WorkRequest
from fakeoci.world.world import KINDS, World

VERSION = 2


class StateError(Exception):
    """The document is malformed or of another version."""


class _Document(msgspec.Struct, kw_only=True):
    version: int
    compartments: list[Compartment]
    names: dict[str, Any]
    objects: dict[str, list[dict[str, Any]]]
    answers: list[Any] = []
    """The service's answers to calls with retry tokens."""


def dump(world: World, answers: list[Any]) -> bytes:
    """Return a world's state as a document."""
    objects = {
        kind.__name__: [msgspec.to_builtins(resource) for resource in world.all(kind)]
        for kind in KINDS
    }
    return msgspec.json.encode(
        _Document(
            version=VERSION,
            compartments=world.compartments.all(),
            names=world.names.state(),
            objects=objects,
            answers=answers,
        )
    )


def restore(world: World, data: bytes, now: float) -> list[Any]:
    """Restore a document into a world fresh from its file; return the answers.

    Raises:
        StateError: the document is malformed or of another version; the world may be
            half changed and cannot be used.
    """
    try:
        document = msgspec.json.decode(data, type=_Document)
        if document.version != VERSION:
            raise StateError(f"state of version {document.version}, not {VERSION}")
        world.clear()
        world.compartments.restore(document.compartments)
        world.names.restore(document.names)
        for kind in KINDS:
            for resource in document.objects.get(kind.__name__, []):
                world.add(msgspec.convert(resource, kind))
    except (msgspec.MsgspecError, KeyError, TypeError) as error:
        raise StateError(f"malformed state: {error}") from error
    for address in world.all(Address):
        space = world.space(address.subnet_id, type(address))
        space.take(address.ip_address, address.prefix_length)
    _go_on(world, now)
    return document.answers


def _go_on(world: World, now: float) -> None:
    for attachment in world.all(VnicAttachment):
        vnics.go_on(world, attachment, now)
    for instance in world.all(Instance):
        instances.go_on(world, instance, now)
    for request in world.all(WorkRequest):
        if request.time_finished is None:
            request.time_finished, request.status = now, "FAILED"
            text = "the fake was stopped before this was done"
            request.errors.append(("InternalServerError", text, now))
