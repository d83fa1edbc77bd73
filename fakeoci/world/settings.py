"""Settings of the fake, for facts that vary in OCI or are not published."""

import msgspec


class Timing(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Durations, in seconds."""

    attach_seconds: float = 3.0
    """From ATTACHING to ATTACHED; 20 s and more were observed."""
    detach_seconds: float = 1.0
    bulk_seconds: float = 0.4
    """Duration of a bulk action's work request."""
    instance_seconds: float = 30.0
    """From an instance's launch to RUNNING, and between its other states."""
    provision_seconds: float = 0.0
    """A new network, rule list or gateway is PROVISIONING for this time.  OCI documents
    the state but no duration.  It is not established which calls OCI refuses meanwhile:
    the fake refuses none.
    """
    latency_seconds: float = 0.02
    """Median latency of an API call."""
    latency_sigma: float = 0.0
    """Sigma of the latency's log-normal distribution; 0: no spread."""
    latencies: dict[str, float] = {}
    """Median latencies of single operations, by operation name."""
    consistency_seconds: float = 0.0
    """For this time, lists omit a new object, and it is not found by its OCID."""
    imds_seconds: float = 0.0
    """A new VNIC or IPv6 appears in instance metadata this much later than in the API.
    OCI's documentation gives no figure.
    """
    token_seconds: float = 1200.0
    """Lifetime of a federation token."""


class Limits(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Service limits (docs/oci.md#limits)."""

    private_ips_per_vnic: int = 64
    """Secondary private IPv4 objects per VNIC."""
    ipv6s_per_vnic: int = 32
    cidrs_per_vcn: int = 5
    ipv6_prefixes_per_vcn: int = 5
    cidrs_per_subnet: int = 5
    """IPv4 blocks per subnet; OCI does not publish the number."""
    ipv6_prefixes_per_subnet: int = 3
    rules_per_nsg: int = 120
    items_per_bulk: int = 0
    """Items per bulk action; 0: no limit.  OCI publishes none."""
    nsgs_per_vnic: int = 5
    lists_per_subnet: int = 5
    """Security lists per subnet."""
    rules_per_call: int = 25
    rules_per_list: int = 200
    """Rules of a security list in each direction."""
    routes_per_table: int = 200
    calls_per_second: float = 0.0
    """Token bucket per principal and operation; 0: no throttle.  OCI publishes none."""
    calls_per_second_in_all: float = 0.0
    """The tenancy's token bucket, shared by all principals and operations."""
    burst: int = 20
    body_bytes: int = 1_048_576
    """Size of a request's body; a larger one gets 413.  OCI publishes no number for
    these APIs.
    """
    head_bytes: int = 8192
    """Size of the request line with the headers; a larger one gets 431, as observed
    (oci-python-sdk issue 357: the answer is Jetty's, whose default is 8 KiB).
    """


class Behaviour(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Settings for facts about OCI that are not established.

    See docs/oci.md#not-established.
    """

    bulk_is_atomic: bool = True
    """True: a bulk create that does not fit whole creates nothing."""
    has_bulk: bool = True
    """True: the bulk actions exist."""
    cut_flows_on_rule_change: bool = False
    """True: a change of rules ends connections that the new rules would refuse."""
    vnics_follow_subnet: bool = False
    """True: VNICs and addresses move to another compartment with their subnet.  They
    always move with their VCN; Oracle's page on moving a subnet names no followers.
    """
    tag_namespaces: list[str] | None = None
    """The namespaces of defined tags that the tenancy has; others are refused with
    400 RelatedResourceNotAuthorizedOrNotFound (terraform-oci-oke issue 642).  None:
    it has every namespace, because the fake has no operations that create them.
    """
    verify_signatures: bool = True


class Settings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """All settings."""

    timing: Timing = msgspec.field(default_factory=Timing)
    limits: Limits = msgspec.field(default_factory=Limits)
    behaviour: Behaviour = msgspec.field(default_factory=Behaviour)
