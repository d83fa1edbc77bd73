"""How an Event is posted."""

from typing import Any

from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.errors import KubeError, NotFoundError
from vcnd.log import log

REFUSED_FOR_GOOD = {400, 403, 413, 422}
"""An Event that is refused so would be refused again: its namespace is terminating, or
a policy denies it."""


async def post(client: KubeClient, path: str, body: dict[str, Any]) -> None:
    """Post an Event; one that is refused for good is logged.

    Raises:
        KubeError: it may be posted later.
    """
    try:
        await client.request("POST", path, body=body)
    except NotFoundError:
        pass  # its namespace has gone, and the object with it
    except KubeError as error:
        if error.status not in REFUSED_FOR_GOOD:
            raise
        log.warning("event_refused", event_reason=body["reason"], reason=str(error))
