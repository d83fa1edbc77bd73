"""What the fake's cloud is like, where the real one does not say or varies."""

import msgspec


class Timing(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How slow things are, in seconds."""

    attach_seconds: float = 3.0
    """ATTACHING to ATTACHED; 20 and more were seen."""
    detach_seconds: float = 1.0
    bulk_seconds: float = 0.4
    """A bulk action's work request."""
    instance_seconds: float = 30.0
    """An instance's way to running after its launch, and between other states."""
    provision_seconds: float = 0.0
    """So long a new network, rule list or gateway is PROVISIONING.  OCI documents the
    state and no time; what it refuses meanwhile is not established: nothing here.
    """
    latency_seconds: float = 0.02
    """Of every API call: the median."""
    latency_sigma: float = 0.0
    """Spread of the calls' latency: the sigma of a log-normal; 0 is none."""
    latencies: dict[str, float] = {}
    """Medians of single operations, by name."""
    consistency_seconds: float = 0.0
    """So long a new object is missing from lists, and not found by its OCID."""
    imds_seconds: float = 0.0
    """So much later than in the API a new VNIC or IPv6 shows in instance metadata.
    OCI's documentation gives no figure.
    """
    token_seconds: float = 1200.0
    """Life of a federation token."""


class Limits(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Service limits (docs/oci.md#limits)."""

    private_ips_per_vnic: int = 64
    """Secondary private IPv4 objects per VNIC."""
    ipv6s_per_vnic: int = 32
    cidrs_per_vcn: int = 5
    ipv6_prefixes_per_vcn: int = 5
    cidrs_per_subnet: int = 5
    """Of each family; the real number for IPv4 is not published."""
    ipv6_prefixes_per_subnet: int = 3
    rules_per_nsg: int = 120
    items_per_bulk: int = 0
    """Most items of a bulk action; 0 is no limit.  OCI publishes none."""
    nsgs_per_vnic: int = 5
    lists_per_subnet: int = 5
    """Security lists of a subnet."""
    rules_per_call: int = 25
    rules_per_list: int = 200
    """Of a security list, each way."""
    routes_per_table: int = 200
    calls_per_second: float = 0.0
    """Token bucket per principal and operation; 0 is no throttle.  OCI publishes none.
    """
    calls_per_second_in_all: float = 0.0
    """One more bucket, shared by all principals and operations: a tenancy's."""
    burst: int = 20
    body_bytes: int = 1_048_576
    """Of a request's body: 413 beyond.  OCI publishes no number for these APIs."""
    head_bytes: int = 8192
    """Of the request line and the headers together: 431 beyond, as was observed
    (oci-python-sdk issue 357: Jetty's answer, whose own default is 8 KiB).
    """


class Behaviour(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is not established about OCI (docs/oci.md#not-established)."""

    bulk_is_atomic: bool = True
    """A bulk create that does not fit whole creates nothing."""
    has_bulk: bool = True
    """Whether the bulk actions exist at all."""
    cut_flows_on_rule_change: bool = False
    """Whether a change of rules ends connections that the new rules would refuse."""
    vnics_follow_subnet: bool = False
    """Whether VNICs and addresses move to another compartment with their subnet.  They
    do with their VCN; Oracle's page on moving a subnet names nothing that follows.
    """
    tag_namespaces: list[str] | None = None
    """The namespaces of defined tags that the tenancy has; others are refused with
    400 RelatedResourceNotAuthorizedOrNotFound (terraform-oci-oke issue 642).  None:
    it has every one, for the fake has no operations by which they are made.
    """
    verify_signatures: bool = True


class Settings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """All settings."""

    timing: Timing = msgspec.field(default_factory=Timing)
    limits: Limits = msgspec.field(default_factory=Limits)
    behaviour: Behaviour = msgspec.field(default_factory=Behaviour)
