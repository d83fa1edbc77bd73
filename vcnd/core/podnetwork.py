"""The pod network that a NativePodNetwork asks for, checked."""

from collections.abc import Sequence

from vcnd.core.classes import named_class
from vcnd.model.family import Family
from vcnd.model.podnetwork import ApplicationResource, PodNetwork, VnicProfile

SUBNET, NSG = "ocid1.subnet.", "ocid1.networksecuritygroup."
MOST_SUBNETS, MOST_NSGS, MOST_PODS, MOST_PROFILES = 5, 5, 256, 64


def wanted(
    *,
    instance_id: str,
    spec_id: str,
    subnet_ids: Sequence[str],
    nsg_ids: Sequence[str],
    families: Sequence[str],
    maximum: int | None,
    profiles: Sequence[VnicProfile] = (),
) -> PodNetwork:
    """Return what the spec of a NativePodNetwork asks for.

    Secondary VNIC profiles replace the lists of subnets and NSGs.

    Raises:
        ValueError: a field makes no sense; the message names it and says why.
    """
    resources: tuple[ApplicationResource, ...] = ()
    if spec_id != instance_id:
        raise ValueError(
            f"spec.id is {spec_id or 'empty'}, and this instance is {instance_id}"
        )
    if profiles:
        resources = _resources(profiles)
        general = [p for p in profiles if not p.application_resources]
        subnet_ids = list(dict.fromkeys(p.subnet_id for p in general))
        nsg_ids = _common_nsgs(general)
        total = sum(p.ip_count for p in profiles)
        maximum = min(total, maximum or total)
    if len(subnet_ids) > MOST_SUBNETS or not (subnet_ids or profiles):
        raise ValueError(f"spec.podSubnetIds wants 1 to {MOST_SUBNETS} subnets")
    if len(nsg_ids) > MOST_NSGS:
        raise ValueError(f"spec.networkSecurityGroupIds takes at most {MOST_NSGS}")
    for field, prefix, ids in (
        ("podSubnetIds", SUBNET, subnet_ids),
        ("networkSecurityGroupIds", NSG, nsg_ids),
        ("secondaryVnics", SUBNET, [p.subnet_id for p in profiles]),
        ("secondaryVnics", NSG, [n for p in profiles for n in p.nsg_ids]),
    ):
        for ocid in ids:
            if not ocid.startswith(prefix):
                raise ValueError(f"spec.{field}: {ocid!r} is no OCID {prefix}…")
    if maximum is not None and not 1 <= maximum <= MOST_PODS:
        raise ValueError(f"spec.maxPodCount {maximum} is not in 1..{MOST_PODS}")
    unknown = [f for f in families if f not in [*Family]]
    if unknown:
        raise ValueError(f"spec.ipFamilies: {unknown[0]!r} is neither IPv4 nor IPv6")
    return PodNetwork(
        resources=resources,
        subnet_ids=tuple(subnet_ids),
        nsg_ids=tuple(nsg_ids),
        families=tuple(Family(f) for f in dict.fromkeys(families)) or (Family.IPV4,),
        maximum=maximum,
    )


def _resources(profiles: Sequence[VnicProfile]) -> tuple[ApplicationResource, ...]:
    """Return the application resources of profiles.

    Raises:
        ValueError: two profiles name the same one, or profiles make no sense.
    """
    found: dict[str, ApplicationResource] = {}
    if len(profiles) > MOST_PROFILES:
        raise ValueError(f"spec.secondaryVnics takes at most {MOST_PROFILES}")
    total = sum(p.ip_count for p in profiles)
    if total > MOST_PODS or any(p.ip_count < 1 for p in profiles):
        raise ValueError(
            f"spec.secondaryVnics: the sum of ipCount is {total}; each is at least 1,"
            f" all together at most {MOST_PODS}"
        )
    for profile in profiles:
        names = sorted(profile.application_resources)
        pod_class = named_class(
            (profile.subnet_id,), profile.nsg_ids, apart="\n".join(names)
        )
        for name in names:
            if name in found:
                raise ValueError(
                    f"spec.secondaryVnics: two are for application resource {name}"
                )
            found[name] = ApplicationResource(name, pod_class, profile.ip_count)
    return tuple(found.values())


def _common_nsgs(profiles: Sequence[VnicProfile]) -> tuple[str, ...]:
    sets = {tuple(sorted(p.nsg_ids)) for p in profiles}
    if len(sets) > 1:
        raise ValueError(
            "spec.secondaryVnics: those without application resources have different"
            " nsgIds, and nothing would say which pods get which"
        )
    return profiles[0].nsg_ids if profiles else ()


def network_name(instance_id: str) -> str:
    """Return the name of an instance's NativePodNetwork: its OCID's last part."""
    return instance_id.rpartition(".")[2]
