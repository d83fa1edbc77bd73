"""The pod network that a NativePodNetwork describes."""

from vcnd.core.podnetwork import wanted
from vcnd.kube.wire import NativePodNetwork
from vcnd.model.errors import PodNetworkError
from vcnd.model.podnetwork import PodNetwork


def asked(found: NativePodNetwork, instance_id: str) -> PodNetwork:
    """Return what it asks for.

    Raises:
        PodNetworkError: it makes no sense; says which field and why.
    """
    spec = found.spec
    try:
        return wanted(
            instance_id=instance_id,
            spec_id=spec.id,
            subnet_ids=spec.pod_subnet_ids,
            nsg_ids=spec.network_security_group_ids,
            families=spec.ip_families,
            profiles=spec.profiles,
            maximum=spec.max_pod_count,
        )
    except ValueError as error:
        name = found.metadata.name
        raise PodNetworkError(f"NativePodNetwork {name}: {error}") from error
