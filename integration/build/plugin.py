"""The CNI plugin, compiled as the wheel's is, with further flags."""

import importlib.util
from pathlib import Path

from integration.build.c import compiled
from integration.build.cache import Cache
from integration.build.machines import Machine

CNI = Path(__file__).parents[2] / "cni"


def plugin(
    cache: Cache,
    *flags: str,
    source: Path = CNI / "vcnd-cni.c",
    machine: Machine | None = None,
) -> Path:
    """Return a plugin; compile it if it is new.

    Args:
        cache: keeps it.
        flags: of the compiler, besides the wheel's.
        source: another one than the present.
        machine: the one that runs it; this one if left out.

    Raises:
        BuildError: there is no compiler, or it refuses the source.
    """
    spec = importlib.util.spec_from_file_location("build_hook", CNI / "build_hook.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{CNI} has no build_hook.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    return compiled(cache, source, *hook.SHIM_FLAGS, *flags, machine=machine)
