"""The networks of Services, read once in a while."""

from ipaddress import ip_network

import msgspec

from vcnd.foreign import printable
from vcnd.kube.wire import ServiceCidr
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.decode import decode
from vcnd.kubeapi.errors import BadAnswerError, NotFoundError

PATH = "/apis/networking.k8s.io/v1/servicecidrs"


class _List(msgspec.Struct, frozen=True):
    items: list[ServiceCidr] = []


async def networks(client: KubeClient) -> tuple[str, ...]:
    """Return the networks that Services' addresses are of; none before Kubernetes 1.33.

    Raises:
        KubeError: they cannot be asked for, or make no sense.
    """
    try:
        body = await client.get(PATH)
    except NotFoundError:
        return ()
    what = f"GET {PATH}"
    found = decode(what, body, _List).items
    try:
        read = {ip_network(cidr) for one in found for cidr in one.spec.cidrs}
    except ValueError as error:
        raise BadAnswerError(what, message=printable(str(error))) from error
    return tuple(sorted(map(str, read)))
