"""Failures, classed by what the caller can do; each knows its CNI error code.

    VcndError             999  a defect of vcnd, or an unforeseen failure
    ├─ BadRequestError      6  the call makes no sense; do not retry
    │  ├─ UnsupportedVersionError   1
    │  ├─ BadEnvironmentError       4
    │  ├─ BadNetworkConfigError     7
    │  ├─ BadNetnsError             8
    │  └─ RequestRefusedError     103  a pod's request is not allowed
    ├─ TryAgainError       11  it may work later; the kubelet retries
    │  ├─ PoolEmptyError   11  no address became free before the deadline
    │  ├─ JournalError     11  the disk refuses records
    │  ├─ ClusterError     11  Kubernetes did not answer, or refused
    │  │  └─ PodNetworkError    the NativePodNetwork makes no sense
    │  └─ CloudError       11  OCI did not answer, or refused (its children)
    ├─ NotServingError     50  STATUS: ADD cannot succeed, for another reason
    └─ SandboxBrokenError 102  CHECK: something that ADD made is missing

Codes: CNI specification 1.1, "Error"; 100 and up are the plugin's own.
"""

from vcnd.model.cause import Cause


class VcndError(Exception):
    """Base of all errors that vcnd raises on purpose."""

    code = 999
    cause = Cause.DEFECT
    """The cause: of the class, unless the raiser sets a more precise one."""

    def __init__(
        self, message: str, *, details: str = "", cause: Cause | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        if cause is not None:
            self.cause = cause

    def __str__(self) -> str:
        """Return message and details in one line, for logs."""
        return f"{self.message}: {self.details}" if self.details else self.message


class BadRequestError(VcndError):
    """The caller's input cannot be understood (decode failure)."""

    code = 6
    cause = Cause.BAD_REQUEST


class UnsupportedVersionError(BadRequestError):
    """The configuration's cniVersion is none of ours."""

    code = 1


class BadEnvironmentError(BadRequestError):
    """A CNI_* variable is missing or malformed; the message names it."""

    code = 4


class BadNetworkConfigError(BadRequestError):
    """The network configuration is JSON but not one that we can use."""

    code = 7


class BadNetnsError(BadRequestError):
    """The descriptor passed for CNI_NETNS is no pod's network namespace."""

    code = 8


class RequestRefusedError(BadRequestError):
    """A pod's request makes no sense, or is not allowed."""

    code = 103


class TryAgainError(VcndError):
    """Something is unavailable now."""

    code = 11
    cause = Cause.PENDING


class PoolEmptyError(TryAgainError):
    """No address became free before the deadline."""


class JournalError(TryAgainError):
    """The disk refused a record; the record is lost."""

    cause = Cause.DISK_REFUSED


class ClusterError(TryAgainError):
    """The API server refused or did not answer."""

    cause = Cause.UNREACHABLE


class PodNetworkError(ClusterError):
    """The node's NativePodNetwork is missing, or its values make no sense."""

    cause = Cause.MALFORMED


class CloudError(TryAgainError):
    """The cloud refused or did not answer; the text has the opc-request-id."""

    cause = Cause.UNREACHABLE


class CloudRefusedError(CloudError):
    """OCI refused for good: it created nothing, and a retry will not help."""

    cause = Cause.REFUSED


class CloudFullError(CloudRefusedError):
    """The cloud has no room: VNIC, subnet, shape or service limit."""

    cause = Cause.LIMIT_REACHED


class AddressHeldError(CloudRefusedError):
    """A fixed address is on another VNIC: another pod has it, or had it last."""

    cause = Cause.ADDRESS_HELD


class CloudGoneError(CloudRefusedError):
    """The requested object does not exist (or may not be seen)."""

    cause = Cause.NOT_FOUND


class NotServingError(VcndError):
    """STATUS: the node cannot serve ADD, for a reason other than missing addresses."""

    code = 50
    cause = Cause.PENDING


class SandboxBrokenError(VcndError):
    """CHECK: an interface, address or route that ADD made is missing."""

    code = 102
    cause = Cause.SANDBOX_BROKEN
