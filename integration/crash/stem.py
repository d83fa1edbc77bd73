"""A process that has imported the daemon's modules, and forks into daemons.

A daemon that is started so runs the same code as one that systemd starts: ``main``, in
a process of its own.  It takes a quarter of the time, because most of a start is the
reading of modules.
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


def main() -> None:
    """Serve orders on the socket that is standard input, until it is closed."""
    sys.modules["h2"] = None  # type: ignore[assignment] # as in the image
    import vcnd.__main__  # noqa: PLC0415 - after h2 is hidden
    import vcnd.signing  # noqa: PLC0415 - read at the first request else

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
                _become_daemon(decode_order(data), rest)
                vcnd.__main__.main()
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
    sys.argv = ["vcnd", *order.arguments]
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    main()
