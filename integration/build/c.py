"""Programs of one C file."""

from pathlib import Path

from integration.build import command
from integration.build.cache import Cache, key_of
from integration.build.machines import Machine, here


def compiled(
    cache: Cache, source: Path, *flags: str, machine: Machine | None = None
) -> Path:
    """Return a program; compile it if its source or the flags are new.

    Args:
        cache: keeps it.
        source: its C file.
        flags: of the compiler.
        machine: the one that runs it; this one if left out.

    Raises:
        BuildError: there is no compiler, or it refuses the source.
    """
    name = source.stem
    target = machine or here()

    def compile_into(folder: Path) -> None:
        output = str(folder / name)
        arguments = [target.compiler(), *flags, "-o", output, str(source)]
        command.run(arguments, f"{source.name} does not compile")

    key = key_of(source, flags, target.name)
    return cache.artifact(name, key, compile_into) / name
