"""Why the express lane is off."""

import errno
from pathlib import Path

from vcnd.bpf.call import BpfError
from vcnd.bpf.elf import ObjectError
from vcnd.model.cause import Cause, Fault

BE_LIBERAL = Path("/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal")

BY_CONFIGURATION = Fault(
    Cause.SWITCHED_OFF, "the configuration switches it off: [node] express"
)
BY_COMMAND = Fault(
    Cause.SWITCHED_OFF,
    "a command switched it off: `vcndctl express on` switches it on again",
)
WITHDRAWN = Fault(Cause.RELEASED, "no VNIC of this node is set up for pods")
NOT_BUILT = Fault(
    Cause.NOT_BUILT, "this build of vcnd lacks the BPF programs: clang was missing"
)
NOT_PERMITTED = Fault(
    Cause.NOT_PERMITTED,
    "the kernel lets vcnd load no BPF programs: that takes CAP_BPF or CAP_SYS_ADMIN,"
    " and no user namespace",
)
TRACKING_STRICT = Fault(
    Cause.TRACKING_STRICT,
    "net.netfilter.nf_conntrack_tcp_be_liberal is not 1: a connection that leaves the"
    " lane would count as invalid; find who sets it (/etc/sysctl.d), and restart"
    " vcnd.socket",
)

PASSING = frozenset(
    {errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN, errno.EMFILE, errno.ENFILE}
)
"""Refusals for want of memory or descriptors."""


def why_unfit(programs: Path, setting: Path = BE_LIBERAL) -> Fault | None:
    """Return why this build or this node cannot have the lane.

    A setting that cannot be read now is taken for what it should be.

    Args:
        programs: the object file.
        setting: the kernel's setting for connections out of their window.
    """
    if not programs.exists():
        return NOT_BUILT
    try:
        liberal = setting.read_text().strip() == "1"
    except OSError as error:
        liberal = passes_by_itself(error)
    return None if liberal else TRACKING_STRICT


def passes_by_itself(error: OSError | ObjectError) -> bool:
    """Return True if a refusal may be over at the next attempt."""
    return isinstance(error, OSError) and error.errno in PASSING


def why_refused(error: OSError | ObjectError) -> Fault:
    """Return what it means that the programs could not be loaded."""
    if isinstance(error, BpfError) and error.errno == errno.EPERM:
        return NOT_PERMITTED
    if isinstance(error, ObjectError):
        return Fault(Cause.NOT_BUILT, f"the BPF programs cannot be read: {error}")
    return Fault(Cause.KERNEL_REFUSED, f"the kernel refused a step: {error.strerror}")
