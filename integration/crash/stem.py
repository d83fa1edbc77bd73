"""A process that has imported the daemon's modules, and forks into daemons.

A daemon that is started so runs the same code as one that systemd starts: ``main``, in
a process of its own.  It takes a quarter of the time, because most of a start is the
reading of modules.

Four things differ, so that a run is short: the client asks sooner again whether a VNIC
is attached, what a killed daemon may have asked of the cloud is settled sooner,
vcnd-policy looks more often at its files, and all daemons have one session key, made
here.
"""

import gc
import os
import select
import signal
import socket
import sys

from fakeoci.fabric.netns import setns
from integration.crash.starting import Ended, Forked, Order, decode_order, encode

LISTENER = 3
CLONE_NEWNET = 0x40000000
MESSAGE_BYTES = 1 << 16
POLL_SECONDS = 0.02
"""The first pause between two questions: the fake cloud takes as long."""
SETTLE_SECONDS = 1.0
"""The fake cloud carries nothing out that is older."""


def main() -> None:
    """Serve orders on the socket that is standard input, until it is closed."""
    sys.modules["h2"] = None  # type: ignore[assignment] # as in the image
    import vcnd.__main__  # noqa: PLC0415 - after h2 is hidden
    import vcnd.core.unsettled  # noqa: PLC0415
    import vcnd.flow.release  # noqa: PLC0415
    import vcnd.kube.policy.files  # noqa: PLC0415
    import vcnd.ociapi.identity  # noqa: PLC0415
    import vcnd.ociapi.polling  # noqa: PLC0415
    import vcnd.policy_main  # noqa: PLC0415
    import vcnd.signing  # noqa: PLC0415 - read at the first request else

    # The name is imported there.
    setattr(vcnd.flow.release, "RECENT_SECONDS", SETTLE_SECONDS)  # noqa: B010
    vcnd.core.unsettled.SETTLE_SECONDS = SETTLE_SECONDS
    vcnd.core.unsettled.WORK_SECONDS = SETTLE_SECONDS
    vcnd.ociapi.polling.FIRST_PAUSE_SECONDS = POLL_SECONDS
    vcnd.kube.policy.files.LOOK_SECONDS = POLL_SECONDS
    key = vcnd.ociapi.identity.session_key()
    vcnd.ociapi.identity.session_key = lambda: key
    mains = {"vcnd": vcnd.__main__.main, "vcnd-policy": vcnd.policy_main.main}
    gc.freeze()
    orders = socket.socket(fileno=os.dup(0))
    children: dict[int, int] = {}
    """Descriptor of a process → its id."""
    poll = select.poll()
    poll.register(orders, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor in children:
                poll.unregister(descriptor)
                pid = children.pop(descriptor)
                os.close(descriptor)
                _, status = os.waitpid(pid, 0)
                orders.send(encode(Ended(pid, os.waitstatus_to_exitcode(status))))
                continue
            data, passed, _, _ = socket.recv_fds(orders, MESSAGE_BYTES, 4)
            if not data:
                return
            netns, *rest = passed
            setns(netns)  # before the fork: it is no step of the daemon
            pid = os.fork()
            if pid == 0:
                order = decode_order(data)
                _become_daemon(order, rest)
                mains[order.program]()
                return
            for each in passed:
                os.close(each)
            opened = os.pidfd_open(pid)
            children[opened] = pid
            poll.register(opened, select.POLLIN)
            orders.send(encode(Forked(pid)))


def _become_daemon(order: Order, passed: list[int]) -> None:
    """Get a daemon's descriptors, environment and arguments."""
    listener, log, gate = passed
    nothing = os.open("/dev/null", os.O_RDONLY)
    # They go to numbers of which none is among those that are replaced.
    kept = [os.dup2(fd, 100 + n) for n, fd in enumerate((nothing, log, log, listener))]
    gate = os.dup2(gate, 100 + len(kept))
    for number, fd in enumerate(kept):
        os.dup2(fd, number)
    os.closerange(LISTENER + 1, gate)
    os.read(gate, 1)  # until it may begin
    os.close(gate)
    os.environ.update(order.environment)
    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
    sys.argv = [order.program, *order.arguments]
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    main()
