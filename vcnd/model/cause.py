"""Why something is wrong, as a code; ``model.place`` says where.

The values are names that users see (``vcndctl status``, logs, Events): they stay.
docs/operations.md has a row for each.
"""

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why something is wrong, or a pod gets no address."""

    # OCI, instance metadata or the API server does not answer as it should.
    UNREACHABLE = "unreachable"
    """No answer came."""
    BAD_ANSWER = "bad_answer"
    """The answer makes no sense."""
    SERVER_ERROR = "server_error"
    """The service failed."""
    THROTTLED = "throttled"
    """Too many calls (429)."""
    BUSY = "busy"
    """The object is being changed by another call (409)."""
    TIMED_OUT = "timed_out"
    """The service accepted a change and did not finish it in time."""
    NOT_LISTED = "not_listed"
    """A list lacks what the service has just made, or what must be there."""

    # It refuses.
    NOT_AUTHENTICATED = "not_authenticated"
    """It does not accept our credentials (401)."""
    NOT_AUTHORIZED = "not_authorized"
    """It knows us and does not allow the call (403)."""
    NOT_FOUND = "not_found"
    """An object is not there; OCI answers alike where a policy is missing (404)."""
    REFUSED = "refused"
    """Any other final refusal."""
    LIMIT_REACHED = "limit_reached"
    """A VNIC, subnet, shape or service limit; OCI does not say which."""
    SUBNET_FULL = "subnet_full"
    """The subnet has no address for a VNIC that has none yet."""
    QUOTA_EXCEEDED = "quota_exceeded"
    """A quota of the compartment."""
    ADDRESS_HELD = "address_held"
    """A fixed address is with another pod."""

    # What others wrote cannot be used.
    BAD_CONFIGURATION = "bad_configuration"
    """A key, certificate or variable of the configuration is missing or unusable."""
    UNSUPPORTED = "unsupported"
    """vcnd cannot do this yet."""
    MALFORMED = "malformed"
    """An object of Kubernetes cannot be read, or asks for what makes no sense."""
    OWNED_BY_ANOTHER = "owned_by_another"
    """The object belongs to another Node."""
    UNFIT = "unfit"
    """It can be read, and does not fit pods with VCN addresses."""
    BAD_REQUEST = "bad_request"
    """A call makes no sense, or is not allowed; a pod requests what it may not have."""
    OVERTAKEN = "overtaken"
    """A later call of the same sandbox came while this one waited."""

    # The node.
    DISK_REFUSED = "disk_refused"
    """The disk takes no record of the journal."""
    KERNEL_REFUSED = "kernel_refused"
    """The kernel or nft refuses a link, route, rule or table."""
    TABLES_IN_USE = "tables_in_use"
    """Other programs use the route tables that VNICs need."""
    LINK_MISSING = "link_missing"
    """A VNIC has no link on the node."""
    PACKETS_DROPPED = "packets_dropped"
    """A FORWARD chain drops pods' packets, and vcnd is not to add accepts."""
    ACCEPT_REFUSED = "accept_refused"
    """A FORWARD chain drops pods' packets, and takes no accept."""
    RULES_UNREADABLE = "rules_unreadable"
    """Whether a firewall drops pods' packets cannot be read."""
    FORWARDING_OFF = "forwarding_off"
    """Forwarding is switched off, and cannot be switched on."""

    # A pod.
    ADDRESS_GONE = "address_gone"
    """OCI no longer gives the pod's address to this node."""
    VNIC_GONE = "vnic_gone"
    """The VNIC of the pod's address is no longer attached."""
    SANDBOX_BROKEN = "sandbox_broken"
    """The sandbox lacks what ADD gave it."""

    # The pool.
    MAXIMUM_REACHED = "maximum_reached"
    """The node holds as many addresses as its configuration allows."""
    PENDING = "pending"
    """What is needed is on its way."""
    RELEASED = "released"
    """The node's addresses were given back, or are being given back."""

    DEFECT = "defect"
    """A fault of vcnd, or something that nobody foresaw."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a place that the reader knows."""

    cause: Cause
    reason: str
    """For a person: what, to what, why, and what to do."""
