"""A metadata service that tells other values of VNICs than the fake cloud's."""

import json
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from vcnd.ociapi.network import Client, Reply, Request


class EditedVnics:
    """A way to the cloud; what IMDS tells of each VNIC is changed on it."""

    def __init__(
        self, inner: Client, edit: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> None:
        self._inner, self._edit = inner, edit

    async def send(self, request: Request) -> Reply:
        reply = await self._inner.send(request)
        if request.operation != "IMDS /vnics/" or not reply.is_success:
            return reply
        vnics = [self._edit(found) for found in json.loads(reply.body)]
        return replace(reply, body=json.dumps(vnics).encode())
