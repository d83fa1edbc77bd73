"""Compile the CNI shim and the BPF programs into the wheel (a hatchling build hook)."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIM = "vcnd/_shim/vcnd-cni"
SHIM_FLAGS = [
    *("-Os", "-Wall", "-Wextra", "-ffreestanding", "-fno-builtin"),
    *("-fno-stack-protector", "-fno-asynchronous-unwind-tables"),
    *("-fno-pie", "-no-pie", "-nostdlib", "-static", "-s"),
    "-Wl,-z,noseparate-code",  # two segments instead of four to map at each start
    '-DVCND_SOCKET="/run/vcnd/cni.sock"',
    '-DVCND_PROTOCOL="1"',  # a plugin of another version says another number
]
PROGRAMS = "vcnd/_bpf/express.o"
PROGRAMS_FLAGS = ["-target", "bpf", "-O2", "-Wall", "-Wextra", "-c"]


class CompilingBuildHook(BuildHookInterface[Any]):
    """Build ``cni/vcnd-cni.c`` with the system's compiler, ``bpf`` with clang."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and name what was made as parts of the wheel."""
        del version
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            message = (
                "vcnd-cni, the CNI plugin executable, needs a C compiler and none was"
                " found: install one (Debian: apt-get install gcc) or name it in CC"
            )
            raise RuntimeError(message)
        self._compile([compiler, *SHIM_FLAGS], "cni/vcnd-cni.c", SHIM)
        build_data["artifacts"].append(SHIM)
        clang = os.environ.get("CLANG") or shutil.which("clang")
        if clang is None:
            (Path(self.root) / PROGRAMS).unlink(missing_ok=True)
            self.app.display_warning(
                "vcnd is built without its express lane: that needs clang, and none"
                " was found: install it (Debian: apt-get install clang) or name it in"
                " CLANG"
            )
        else:
            self._compile([clang, *PROGRAMS_FLAGS], "bpf/express.c", PROGRAMS)
            build_data["artifacts"].append(PROGRAMS)
        build_data["pure_python"] = False
        machine = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{machine}"

    def _compile(self, command: list[str], source: str, target: str) -> None:
        root = Path(self.root)
        made = root / target
        made.parent.mkdir(parents=True, exist_ok=True)
        # A new file by rename: a running plugin must never be written in place.
        fresh = made.with_suffix(".new")
        subprocess.run([*command, "-o", str(fresh), str(root / source)], check=True)
        fresh.rename(made)
