"""System calls of Linux on x86-64 that do I/O, and where their arguments are."""

from enum import StrEnum


class What(StrEnum):
    """What a system call does to the outside."""

    LOOKS = "looks"
    """It reads: afterwards the outside is as before."""
    CHANGES = "changes"


DESCRIPTOR_FIRST = {
    0: ("read", What.LOOKS),
    1: ("write", What.CHANGES),
    18: ("pwrite64", What.CHANGES),
    19: ("readv", What.LOOKS),
    20: ("writev", What.CHANGES),
    42: ("connect", What.CHANGES),
    43: ("accept", What.CHANGES),
    44: ("sendto", What.CHANGES),
    45: ("recvfrom", What.LOOKS),
    46: ("sendmsg", What.CHANGES),
    47: ("recvmsg", What.LOOKS),
    74: ("fsync", What.CHANGES),
    75: ("fdatasync", What.CHANGES),
    77: ("ftruncate", What.CHANGES),
    288: ("accept4", What.CHANGES),
    299: ("recvmmsg", What.LOOKS),
    307: ("sendmmsg", What.CHANGES),
}
"""Number → name and what it does; the first argument is a descriptor."""

PATH_AT = {
    82: ("rename", 0),
    87: ("unlink", 0),
    2: ("open", 0),
    59: ("execve", 0),
    257: ("openat", 1),
    263: ("unlinkat", 1),
    264: ("renameat", 1),
    316: ("renameat2", 1),
}
"""Number → name, and which argument is the (first) path."""
