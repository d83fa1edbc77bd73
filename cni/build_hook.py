"""Compile the CNI shim into the wheel (a hatchling build hook)."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FLAGS = [
    *("-Os", "-Wall", "-Wextra", "-ffreestanding", "-fno-builtin"),
    *("-fno-stack-protector", "-fno-asynchronous-unwind-tables"),
    *("-fno-pie", "-no-pie", "-nostdlib", "-static", "-s"),
    '-DVCND_SOCKET="/run/vcnd/cni.sock"',
]


class ShimBuildHook(BuildHookInterface[Any]):
    """Build ``cni/vcnd-cni.c`` with the system's C compiler."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and name the binary as part of the wheel."""
        del version
        root = Path(self.root)
        binary = root / "vcnd" / "_shim" / "vcnd-cni"
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            message = (
                "vcnd-cni, the CNI plugin executable, needs a C compiler and none was"
                " found: install one (Debian: apt-get install gcc) or name it in CC"
            )
            raise RuntimeError(message)
        binary.parent.mkdir(parents=True, exist_ok=True)
        source = str(root / "cni" / "vcnd-cni.c")
        # A new file by rename: a running plugin must never be written in place.
        fresh = binary.with_suffix(".new")
        subprocess.run([compiler, *FLAGS, "-o", str(fresh), source], check=True)
        fresh.rename(binary)
        build_data["artifacts"].append("vcnd/_shim/vcnd-cni")
        build_data["pure_python"] = False
        machine = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{machine}"
