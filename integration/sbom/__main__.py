"""``./vcn sbom``: bills of materials (CycloneDX) of the two images.

They are made of the lock files with which the images are built, by cyclonedx-py in a
cache of its own: no dependency of the project.
"""

import os
import subprocess
import sys
from pathlib import Path

import click

from integration import locked

ROOT = Path(__file__).parents[2]
LOCK = Path(__file__).with_name("requirements.txt")
IMAGES = {
    "vcnd": (ROOT / "deploy" / "image" / "vcnd.txt", ROOT / "pyproject.toml"),
    "fakeoci": (
        ROOT / "deploy" / "image" / "fakeoci.txt",
        ROOT / "fakeoci" / "pyproject.toml",
    ),
}
"""By image: its lock file, and the project that is its main component."""


def write(folder: Path) -> list[Path]:
    """Write a bill for each image; return the files.

    Raises:
        RuntimeError: cyclonedx-py cannot be installed, or fails.
    """
    packages = locked.install("sbom", LOCK)
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    made = list[Path]()
    for name, (lock, project) in IMAGES.items():
        path = folder / f"{name}.cdx.json"
        command = [
            *(sys.executable, "-m", "cyclonedx_py", "requirements", str(lock)),
            *("--pyproject", str(project), "--mc-type", "application"),
            *("--output-reproducible", "--output-format", "JSON", "-o", str(path)),
        ]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr.strip()[-500:]}")
        made.append(path)
    return made


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def main(folder: Path) -> None:
    """Write a bill of materials for each image into FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for path in write(folder):
            click.echo(path)
    except RuntimeError as error:
        sys.exit(f"sbom: {error}")


if __name__ == "__main__":
    main()
