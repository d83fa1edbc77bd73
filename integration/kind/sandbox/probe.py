"""Tries, inside a unit's sandbox, what its process must not do; prints the outcomes.

It is fed to the Python of the unit's own root, and imports no package of ours.  Each
attempt is a child of its own, for systemd's filters kill who calls what they forbid.
An attempt that gets through changes nothing: its arguments are wrong, or it is undone.
"""

import ctypes
import errno
import json
import mmap
import os
import platform
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": {"bpf": 321, "clock_settime": 227, "init_module": 175, "kexec_load": 246},
    "aarch64": {
        "bpf": 280,
        "clock_settime": 112,
        "init_module": 105,
        "kexec_load": 104,
    },
}
"""Of system calls for which glibc has no function, or one that reads the arguments."""
NOWHERE = ctypes.c_void_p(1)
"""No address of this process: EFAULT says that the kernel has read the argument."""
UNKNOWN = 9999
NEW_USERS, NEW_MOUNTS, NEW_NETWORK = 0x1000_0000, 0x0002_0000, 0x4000_0000
PTRACE_ATTACH = 16
NOBODY = 2**22
"""No process: above the kernel's highest number."""


def _checked(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _call(name: str, *arguments: object) -> None:
    """Call a function of glibc."""
    _checked(getattr(LIBC, name)(*arguments))


def _system_call(name: str, *arguments: object) -> None:
    _checked(LIBC.syscall(NUMBERS[platform.machine()][name], *arguments))


def _create(folder: str) -> None:
    path = Path(folder, "vcnd-probe")
    path.write_text("")
    path.unlink()


def _read(path: str) -> None:
    with Path(path).open("rb") as file:
        file.read(1)


def _open_to_write(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY))


def _set_uid_bit() -> None:
    with tempfile.NamedTemporaryFile() as file:
        os.chmod(file.name, 0o4700)


def _map_writable_code() -> None:
    flags = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    mmap.mmap(-1, mmap.PAGESIZE, prot=flags).close()


def _enter_own_network() -> None:
    with Path("/proc/self/ns/net").open("rb") as namespace:
        _call("setns", namespace.fileno(), NEW_NETWORK)


def _list_tables() -> None:
    command = ["/usr/sbin/nft", "list", "tables"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise PermissionError(errno.EPERM, "nft lists no tables")


ATTEMPTS: dict[str, Callable[[], object]] = {
    "mount": lambda: _call("mount", NOWHERE, NOWHERE, NOWHERE, 0, None),
    "umount": lambda: _call("umount2", NOWHERE, 0),
    "chroot": lambda: _call("chroot", NOWHERE),
    "ptrace": lambda: _call("ptrace", PTRACE_ATTACH, NOBODY, None, None),
    "load_module": lambda: _system_call("init_module", None, 0, None),
    "kexec": lambda: _system_call("kexec_load", 0, UNKNOWN, NOWHERE, UNKNOWN),
    "reboot": lambda: _call("reboot", UNKNOWN),
    "swap_on": lambda: _call("swapon", NOWHERE, 0),
    "set_clock": lambda: _system_call("clock_settime", UNKNOWN, NOWHERE),
    "set_hostname": lambda: _call("sethostname", NOWHERE, 1),
    "user_namespace": lambda: _call("unshare", NEW_USERS),
    "mount_namespace": lambda: _call("unshare", NEW_MOUNTS),
    "enter_network": _enter_own_network,
    "bpf": lambda: _system_call("bpf", UNKNOWN, NOWHERE, 0),
    "packet_socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "netlink_socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "nftables": _list_tables,
    "writable_code": _map_writable_code,
    "set_uid_bit": _set_uid_bit,
    "become_root": lambda: os.setuid(0),
    "realtime": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    "signal_init": lambda: os.kill(1, 0),
    "read_init": lambda: _read("/proc/1/environ"),
    "kernel_log": lambda: _read("/dev/kmsg"),
    "memory": lambda: _read("/dev/mem"),
    "daemons_token": lambda: _read("/etc/vcnd/token"),
    "policys_token": lambda: _read("/etc/vcnd-policy/token"),
    "write_root": lambda: _create("/"),
    "write_programs": lambda: _create("/usr/bin"),
    "write_configuration": lambda: _create("/etc"),
    "write_setting": lambda: _open_to_write("/proc/sys/net/ipv4/ip_forward"),
    "write_temporary": lambda: _create("/tmp"),  # noqa: S108 - the unit's own
    "write_state": lambda: _create(os.environ.get("STATE_DIRECTORY", "/var/lib/vcnd")),
}


def outcome(attempt: Callable[[], object]) -> str:
    """Return what became of an attempt: ``done``, an error's name, or a signal's."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        os.write(writing, _outcome_here(attempt).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return text


def _outcome_here(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    except Exception as error:  # noqa: BLE001 - the outcome is told, whatever it is
        return repr(error)
    return "done"


if __name__ == "__main__":
    print(json.dumps({name: outcome(a) for name, a in ATTEMPTS.items()}))  # noqa: T201
