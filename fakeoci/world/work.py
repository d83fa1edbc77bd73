"""Work requests: asynchronous actions and their results."""

from collections.abc import Callable

from fakeoci.world.errors import ServiceError
from fakeoci.world.resources import Resource, WorkRequest
from fakeoci.world.world import World

Effect = Callable[[WorkRequest, float], None]


def start(
    world: World,
    compartment_id: str,
    operation: str,
    effect: Effect,
    *,
    now: float,
    due: float,
) -> WorkRequest:
    """Add a work request; its effect runs at ``due``, and succeeds or fails then."""
    request = world.add(
        WorkRequest(
            id=world.names.ocid("coreservicesworkrequest"),
            compartment_id=compartment_id,
            time_created=now,
            operation_type=operation,
            logs=[(f"{operation} accepted", now)],
        )
    )

    def complete() -> None:
        request.time_finished = due
        try:
            effect(request, due)
            request.status = "SUCCEEDED"
        except ServiceError as error:
            request.status = "FAILED"
            request.errors.append((error.code, error.message, due))
        request.logs.append((f"{operation} {request.status.lower()}", due))

    world.later(due, complete)
    return request


def note(
    world: World,
    resource: Resource,
    operation: str,
    action: str,
    *,
    now: float,
    due: float,
) -> WorkRequest:
    """Add a work request of a change that is already made.

    It names the object and the action when it ends, at ``due``.
    """
    entity = type(resource).__name__.lower()

    def effect(request: WorkRequest, _at: float) -> None:
        request.resources.append((entity, action, resource.id))

    place = resource.compartment_id
    return start(world, place, operation, effect, now=now, due=due)
