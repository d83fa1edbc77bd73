"""What a fleet and its cloud are like; a schedule has it beside its events."""

import msgspec

from vcnd.model.family import Family


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What a fleet and its cloud are like."""

    others: int = 0
    """How many of its nodes are of another cluster in the same subnet."""
    spare: int = 0
    """How many further instances there are."""
    batch: int = 8
    cooling_seconds: float = 30.0
    blocks: bool = True
    has_bulk: bool = True
    bulk_is_atomic: bool = True
    private_ips_per_vnic: int = 64
    ocpus: float = 4.0
    imds_seconds: float = 0.0
    consistency_seconds: float = 0.0
    latency_seconds: float = 0.05
    latency_sigma: float = 0.3
    subnet_prefix: int = 16
    families: tuple[Family, ...] = (Family.IPV4,)
    """Of its pods' addresses."""
    lean_at: float = 0.0
    """``[pool] lean_at`` of its nodes."""
    policies: bool = False
    """Whether its first cluster has network policies, and some nodes vcnd-policy."""
