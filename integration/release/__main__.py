"""``./vcn release``: make a release, and verify one."""

import sys
from pathlib import Path

import click
from rich.console import Console

from integration.build.cache import Cache
from integration.build.command import BuildError
from integration.release import audit as audits
from integration.release import build as builds
from integration.release import provenance, signing, source, sums

ROOT = Path(__file__).parents[2]
FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def main() -> None:
    """Make and verify what is published (docs/releasing.md)."""


@main.command()
@FOLDER
@click.option("--key", type=FILE, help="Sign with this key of OpenSSH.")
@click.option("--tag", help="Refuse if the package's version is not this tag's.")
@click.option("--images", is_flag=True, help="Images too: needs root and Linux 6.7.")
@click.option(
    "--source",
    "repository",
    metavar="URI",
    default=provenance.SOURCE,
    help="The repository, for the provenance.",
)
@click.option(
    "--builder",
    metavar="URI",
    default=provenance.BY_HAND,
    help="Who builds, for the provenance.",
)
def build(
    folder: Path,
    *,
    key: Path | None,
    tag: str | None,
    images: bool,
    repository: str,
    builder: str,
) -> None:
    """Build the release of the commit that is checked out into FOLDER."""
    source.refuse_changes(ROOT)
    if tag is not None:
        builds.refuse_other_version(tag)
    plan = builds.Plan(
        root=ROOT,
        commit=source.current(ROOT),
        source=repository,
        builder=builder,
        images=images,
    )
    builds.build(plan, folder, Cache(Console(stderr=True)))
    listing = folder / sums.NAME
    if key is not None:
        signing.sign(listing, key)
    click.echo(listing.read_text(), nl=False)
    if key is None:
        click.echo("not signed: --key signs it", err=True)


@main.command()
@FOLDER
@click.option(
    "--signers",
    type=FILE,
    required=True,
    help="The keys that you trust (ssh-keygen: ALLOWED SIGNERS).",
)
def verify(folder: Path, signers: Path) -> None:
    """Check signature, digests and provenance of the release in FOLDER."""
    signer, files = builds.verify(folder, signers)
    click.echo(f"{files} files, as {signer} has signed them")


@main.command()
@click.option("--accept", multiple=True, metavar="ID", help="Pass this one over.")
@click.option("--lock", "locks", multiple=True, type=FILE, help="Only these pins.")
def audit(accept: tuple[str, ...], locks: tuple[Path, ...]) -> None:
    """Look up known vulnerabilities of the pinned packages; needs the network."""
    found = audits.audit(locks or [ROOT / path for path in builds.LOCKS], accept)
    if found.faults:
        raise sums.ReleaseError("\n  ".join(["not to be published:", *found.faults]))
    click.echo(f"{found.packages} packages, no known vulnerability")


def entry() -> None:
    """Run the command line; foreseen failures in words."""
    try:
        main(standalone_mode=True)
    except (BuildError, sums.ReleaseError) as error:
        sys.exit(f"vcn release: {error}")


if __name__ == "__main__":
    entry()
