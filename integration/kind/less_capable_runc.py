#!/usr/bin/env python3
"""An OCI runtime that requests only capabilities that this machine has.

Docker before version 23 requests all capabilities with ``--privileged``, and runc
fails if the bounding set lacks one.  This program removes those from the container's
configuration and executes runc.  dockerd runs it outside any virtual environment.
"""

import json
import os
import sys

# Bits of the capability sets, from the kernel's include/uapi/linux/capability.h.
NAMES = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
]


def held() -> set[str]:
    """Return the capabilities in this process's bounding set."""
    with open("/proc/self/status") as status:
        line = next(x for x in status if x.startswith("CapBnd"))
    bits = int(line.split()[1], 16)
    return {f"CAP_{name}" for bit, name in enumerate(NAMES) if bits >> bit & 1}


def option(arguments: list[str], *names: str) -> str:
    """Return the value of an option, or an empty text."""
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if word in names:
            return following
        name, equals, value = word.partition("=")
        if equals and name in names:
            return value
    return ""


def strip(path: str, *, whole: bool) -> None:
    """Remove capabilities that we lack from a bundle's, or a process's, file."""
    with open(path) as file:
        spec = json.load(file)
    process = spec["process"] if whole else spec
    have = held()
    for kind, names in (process.get("capabilities") or {}).items():
        process["capabilities"][kind] = [n for n in names or [] if n in have]
    with open(path, "w") as file:
        json.dump(spec, file)


def main() -> None:
    """Remove capabilities that we lack, then execute runc."""
    arguments = sys.argv[1:]
    bundle = option(arguments, "--bundle", "-b")
    process = option(arguments, "--process", "-p")
    if bundle and ("create" in arguments or "run" in arguments):
        strip(os.path.join(bundle, "config.json"), whole=True)
    if process and "exec" in arguments:
        strip(process, whole=False)
    os.execvp("runc", ["runc", *arguments])  # noqa: S606, S607


if __name__ == "__main__":
    main()
