"""What the kernel says of a process: resident memory and processor time."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A process's memory, MiB."""

    resident: float
    """VmRSS: all its pages that are in memory; what the issue's aims count."""
    private: float
    """The pages that nobody else has, and that were written to."""


def memory(pid: int) -> Memory:
    """Return the memory of a process."""
    return parse_memory(Path(f"/proc/{pid}/smaps_rollup").read_text())


def parse_memory(text: str) -> Memory:
    """Return the sums of smaps_rollup (proc(5))."""
    sizes = {k: int(v) / 1024 for k, v in re.findall(r"(?m)^(\w+): +(\d+) kB$", text)}
    return Memory(resident=sizes["Rss"], private=sizes["Private_Dirty"])


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process so far; exec does not reset it."""
    return parse_stat(Path(f"/proc/{pid}/stat").read_text())


def parse_stat(text: str) -> float:
    """Return utime + stime of /proc/PID/stat (proc(5)), in seconds."""
    # The second field, the program's name, may hold blanks and brackets.
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
