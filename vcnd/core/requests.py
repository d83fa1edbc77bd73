"""Pods' requests: parsed, checked against the policies, and granted."""

import re
from collections.abc import Iterable, Mapping, Sequence

from vcnd.core.classes import named_class
from vcnd.core.podnetwork import MOST_NSGS, MOST_SUBNETS, NSG, SUBNET
from vcnd.model.errors import RequestRefusedError
from vcnd.model.family import Family
from vcnd.model.podnetwork import PodClass, PodNetwork
from vcnd.model.request import (
    EVERY,
    AddressRequest,
    Grant,
    NamespacePolicy,
    PodRequest,
)
from vcnd.model.sandbox import PodRef

OWN_PREFIX = "vcnd.io/"
"""Prefix of every annotation that vcnd reads."""
SUBNET_IDS = "vcnd.io/subnet-ids"
NSG_IDS = "vcnd.io/nsg-ids"
IP_FAMILIES = "vcnd.io/ip-families"
FIXED_ADDRESS = "vcnd.io/fixed-address"
EXPRESS = "vcnd.io/express"
BANDWIDTH = ("kubernetes.io/ingress-bandwidth", "kubernetes.io/egress-bandwidth")
"""The bandwidth plugin's annotations: its queues see no packet of the express lane."""
RESOURCE_PREFIX = "oke-application-resource.oci.oraclecloud.com/"
"""Prefix of the extended resources that OKE calls application resources."""
OWN_NAME = "true"
"""Value of FIXED_ADDRESS: the fixed address bears the pod's own name."""
MOST_FIXED = 256
"""Characters of a fixed address's name, namespace included: OCI's limit of a tag's
value."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def read(pod: PodRef, request: PodRequest) -> AddressRequest:
    """Return the addresses that a pod requests.

    Raises:
        RequestRefusedError: the request makes no sense; the message says why.
    """
    annotations = request.annotations
    return AddressRequest(
        subnet_ids=_ocids(annotations, SUBNET_IDS, SUBNET, MOST_SUBNETS),
        nsg_ids=_ocids(annotations, NSG_IDS, NSG, MOST_NSGS),
        families=_families(annotations),
        resource=_resource(request.resources),
        fixed=_fixed(pod, annotations.get(FIXED_ADDRESS, "").strip()),
        express=_express(annotations),
    )


def _ocids(
    annotations: Mapping[str, str], name: str, prefix: str, most: int
) -> tuple[str, ...]:
    ocids = [o.strip() for o in annotations.get(name, "").split(",") if o.strip()]
    for ocid in ocids:
        if not ocid.startswith(prefix):
            raise RequestRefusedError(f"{name}: {ocid!r} is no OCID {prefix}…")
    if len(ocids) > most:
        raise RequestRefusedError(
            f"{name} takes at most {most}, {len(ocids)} are named"
        )
    return tuple(dict.fromkeys(ocids))


def _resource(limits: Mapping[str, str]) -> str:
    asked = {n: v for n, v in limits.items() if n.startswith(RESOURCE_PREFIX)}
    if len(asked) > 1 or any(value != "1" for value in asked.values()):
        raise RequestRefusedError(
            "a pod may ask for one application resource, and for one of it",
            details=", ".join(f"{name}: {value}" for name, value in asked.items()),
        )
    return next(iter(asked), "").removeprefix(RESOURCE_PREFIX)


def _families(annotations: Mapping[str, str]) -> tuple[Family, ...]:
    names = [f.strip() for f in annotations.get(IP_FAMILIES, "").split(",")]
    try:
        return tuple(dict.fromkeys(Family(f) for f in names if f))
    except ValueError as error:
        raise RequestRefusedError(
            f"{IP_FAMILIES}: {error}: IPv4, IPv6 or both"
        ) from error


def _fixed(pod: PodRef, value: str) -> str:
    if not value:
        return ""
    name = pod.name if value == OWN_NAME else value
    if not _NAME.fullmatch(name):
        raise RequestRefusedError(
            f"{FIXED_ADDRESS}: {name!r} is no name",
            details=f"lower case letters, digits, '-' and '.', or {OWN_NAME!r}",
        )
    whole = f"{pod.namespace}/{name}"
    if len(whole) > MOST_FIXED:
        raise RequestRefusedError(
            f"{FIXED_ADDRESS}: {name!r} is too long",
            details=f"it has with its namespace {len(whole)} characters, at most"
            f" {MOST_FIXED}",
        )
    return whole


def _express(annotations: Mapping[str, str]) -> bool:
    value = annotations.get(EXPRESS, "").strip()
    if value not in ("", "true", "false"):
        raise RequestRefusedError(f"{EXPRESS}: {value!r} is neither true nor false")
    return value != "false" and not any(annotations.get(name) for name in BANDWIDTH)


def may_request(namespace: str, allowed: Iterable[NamespacePolicy]) -> bool:
    """Return True if the pods of a namespace may request anything."""
    return any(a.namespace in (EVERY, namespace) for a in allowed)


def grant(
    request: AddressRequest,
    *,
    namespace: str,
    allowed: Sequence[NamespacePolicy],
    network: PodNetwork,
) -> Grant:
    """Return the grant for a request of a pod of a namespace.

    Raises:
        RequestRefusedError: no policy allows it.
    """
    mine = [a for a in allowed if a.namespace in (EVERY, namespace)]
    _check("subnet", request.subnet_ids, [a.subnet_ids for a in mine], namespace)
    _check("NSG", request.nsg_ids, [a.nsg_ids for a in mine], namespace)
    if request.fixed and not any(a.fixed_addresses for a in mine):
        raise RequestRefusedError(
            f"pods of namespace {namespace} may not have fixed addresses",
            details="[[allow]] in the node's configuration says who may",
        )
    families = request.families or network.families
    lacking = [f for f in families if f not in network.families]
    if lacking:
        raise RequestRefusedError(f"this node's pods have no {lacking[0]} addresses")
    if request.fixed and Family.IPV4 not in families:
        raise RequestRefusedError("a fixed address is IPv4, and the pod wants none")
    return Grant(
        _class(request, network), families, request.fixed, express=request.express
    )


def _class_of(request: AddressRequest, network: PodNetwork) -> PodClass:
    if request.subnet_ids or request.nsg_ids:
        raise RequestRefusedError(
            f"application resource {request.resource} says subnet and NSGs already",
            details="the pod's annotations ask for others",
        )
    for resource in network.resources:
        if resource.name == request.resource:
            return resource.pod_class
    raise RequestRefusedError(
        f"no secondary VNIC profile of this node is for {request.resource}"
    )


def _check(
    kind: str,
    wanted: Iterable[str],
    allowed: Sequence[frozenset[str]],
    namespace: str,
) -> None:
    for ocid in wanted:
        if not any(EVERY in some or ocid in some for some in allowed):
            raise RequestRefusedError(
                f"pods of namespace {namespace} may not use {kind} {ocid}",
                details="[[allow]] in the node's configuration says who may",
            )


def _class(request: AddressRequest, network: PodNetwork) -> PodClass:
    own = network.own_class
    if request.resource:
        return _class_of(request, network)
    if not (request.subnet_ids or own.subnet_ids) and network.resources:
        raise RequestRefusedError(
            "every secondary VNIC profile of this node is for application resources",
            details="and the pod asks for none of them",
        )
    subnets = request.subnet_ids or own.subnet_ids
    nsgs = tuple(sorted(request.nsg_ids or own.nsg_ids))  # the order means nothing
    if (subnets, nsgs) == (own.subnet_ids, tuple(sorted(own.nsg_ids))):
        return own
    return named_class(subnets, nsgs)
