"""Programs of one C file."""

import shutil
from pathlib import Path

from integration.build import command
from integration.build.cache import Cache, key_of
from integration.build.command import BuildError


def compiled(cache: Cache, source: Path, *flags: str) -> Path:
    """Return a program; compile it if its source or the flags are new.

    Raises:
        BuildError: there is no compiler, or it refuses the source.
    """
    name = source.stem

    def compile_into(folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise BuildError("a C compiler is missing: apt-get install gcc")
        arguments = [compiler, *flags, "-o", str(folder / name), str(source)]
        command.run(arguments, f"{source.name} does not compile")

    return cache.artifact(name, key_of(source, flags), compile_into) / name
