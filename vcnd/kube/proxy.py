"""kube-proxy's configuration, read once in a while."""

from collections.abc import Sequence

import msgspec

from vcnd.core import kubeproxy
from vcnd.foreign import UNDECODABLE
from vcnd.foreign_yaml import yaml_as
from vcnd.kube.wire import ConfigMap, ProxyConfig
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.errors import NotFoundError
from vcnd.model.cause import Cause, Fault

PATH = "/api/v1/namespaces/kube-system/configmaps/kube-proxy"


async def problem(
    client: KubeClient,
    *,
    link_prefix: str,
    subnets: Sequence[str],
    policies: bool = False,
) -> Fault | None:
    """Return what is wrong with kube-proxy's configuration, if anything.

    Args:
        client: the way to the API server.
        link_prefix: of pods' links.
        subnets: CIDRs of the pods' subnets.
        policies: whether we enforce network policies.

    Raises:
        KubeError: it cannot be asked for.
    """
    try:
        body = await client.get(PATH)
    except NotFoundError:
        return None  # another program does its work
    try:
        data = msgspec.json.decode(body, type=ConfigMap).data
        config = yaml_as(data.get("config.conf", "{}"), ProxyConfig)
        reason = kubeproxy.problem(
            proxier=config.mode,
            mode=config.detect_local_mode,
            cluster_cidrs=config.cluster_cidr,
            interface_prefix=config.detect_local.interface_name_prefix,
            ours=link_prefix,
            subnets=subnets,
            policies=policies,
        )
    except UNDECODABLE as error:
        return Fault(
            Cause.MALFORMED, f"kube-proxy's configuration cannot be read: {error}"
        )
    return None if reason is None else Fault(Cause.UNFIT, reason)
