"""Why something is wrong, as a code; ``model.place`` says where.

The values are names that users see (``vcndctl status``, logs, Events): they stay.
docs/operations.md has a row for each.
"""

from enum import StrEnum

import msgspec


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
    """A list lacks an object that must exist."""

    # It refuses.
    NOT_AUTHENTICATED = "not_authenticated"
    """It does not accept our credentials (401)."""
    NOT_AUTHORIZED = "not_authorized"
    """It knows us and does not allow the call (403)."""
    NOT_FOUND = "not_found"
    """The object does not exist, or a policy is missing: OCI answers 404 for both."""
    REFUSED = "refused"
    """Any other final refusal."""
    LIMIT_REACHED = "limit_reached"
    """A VNIC, subnet, shape or service limit; OCI does not say which."""
    SUBNET_FULL = "subnet_full"
    """The subnet has no address for a VNIC that has none yet."""
    SUBNET_NEARLY_FULL = "subnet_nearly_full"
    """Few addresses of the subnet are free, so nodes hold no buffer."""
    RETIRED = "retired"
    """A VNIC has pods, and is in a subnet that new pods do not get any more."""
    QUOTA_EXCEEDED = "quota_exceeded"
    """A quota of the compartment."""
    ADDRESS_HELD = "address_held"
    """A fixed address is with another pod."""

    # Others' objects or settings cannot be used.
    BAD_CONFIGURATION = "bad_configuration"
    """A key, certificate or variable of the configuration is missing or unusable."""
    UNSUPPORTED = "unsupported"
    """vcnd cannot do this yet."""
    MALFORMED = "malformed"
    """An object of Kubernetes cannot be read, or its values make no sense."""
    OWNED_BY_ANOTHER = "owned_by_another"
    """The object belongs to another Node."""
    UNFIT = "unfit"
    """A readable configuration does not fit pods with VCN addresses."""
    BAD_REQUEST = "bad_request"
    """A call makes no sense or is not allowed; a pod's request is not allowed."""
    OVERTAKEN = "overtaken"
    """A later call of the same sandbox came while this one waited."""

    # The node.
    DISK_REFUSED = "disk_refused"
    """The disk takes no record of the journal."""
    KERNEL_REFUSED = "kernel_refused"
    """The kernel or nft refuses a link, route, rule or table."""
    TABLES_IN_USE = "tables_in_use"
    """Other programs use the route tables that VNICs need."""
    KERNEL_DIFFERS = "kernel_differs"
    """The kernel's state is not what vcnd made: another program changed it."""
    LINK_MISSING = "link_missing"
    """A VNIC has no link on the node."""
    PACKETS_DROPPED = "packets_dropped"
    """A FORWARD chain drops pods' packets, and ``forward_accept`` is off."""
    ACCEPT_REFUSED = "accept_refused"
    """A FORWARD chain drops pods' packets, and refuses the accepts."""
    RULES_UNREADABLE = "rules_unreadable"
    """Firewall rules cannot be read, so they may drop pods' packets."""
    FORWARDING_OFF = "forwarding_off"
    """Forwarding is switched off, and cannot be switched on."""
    SWITCHED_OFF = "switched_off"
    """The configuration or a command switches the express lane off."""
    NOT_BUILT = "not_built"
    """This build of vcnd has no BPF programs."""
    NOT_PERMITTED = "not_permitted"
    """The kernel lets vcnd load no BPF programs."""
    TRACKING_STRICT = "tracking_strict"
    """Connection tracking is set to be strict about connections' windows."""

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
    """Addresses are being created."""
    RELEASED = "released"
    """The node's addresses were released, or are being released."""

    DEFECT = "defect"
    """A defect of vcnd, or an unforeseen failure."""


class Fault(msgspec.Struct, frozen=True):
    """A cause and a text, without the place."""

    cause: Cause
    reason: str
    """Text for people: what happened, to what, why, and what to do."""
