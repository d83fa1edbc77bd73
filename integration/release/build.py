"""Makes a release: its files, where they come from, their list, and its signature."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import vcnd
from integration.build.cache import Cache
from integration.build.command import BuildError
from integration.release import parts, provenance, signing, source, sums
from integration.release.source import Commit

LOCKS = (
    *("requirements.txt", "deploy/image/vcnd.txt", "deploy/image/fakeoci.txt"),
    "integration/sbom/requirements.txt",
)
"""What is pinned of the programs that build, and of the images."""
STAGING = ".vcnd-release-"
"""Begins the name of the folder in which a release is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is released, and how."""

    root: Path
    """The checkout."""
    commit: Commit
    source: str = provenance.SOURCE
    """URI of the repository."""
    builder: str = provenance.BY_HAND
    """URI of who builds."""
    images: bool = False
    """Whether images are built too."""


def build(plan: Plan, folder: Path, cache: Cache) -> None:
    """Write a release, without its signature; the folder appears once it is whole.

    Raises:
        BuildError: a part cannot be built, or the folder has files.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BuildError(f"{folder} is not empty: a release has a folder of its own")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=STAGING, dir=folder.parent) as staging:
        tree, made = Path(staging, "tree"), Path(staging, "made")
        tree.mkdir()
        made.mkdir()
        source.export(plan.root, plan.commit, tree)
        parts.distributions(tree, made, plan.commit)
        parts.debian_packages(cache, tree, made, plan.commit)
        parts.manifests(tree, made, plan.commit)
        parts.chart(tree, made, plan.commit)
        parts.bills(made)
        if plan.images:
            parts.images(cache, made, plan.commit)
        (made / provenance.NAME).write_text(_statement(plan, tree, made))
        (made / sums.NAME).write_text(sums.text_of(sums.digests(made)))
        made.replace(folder)


def _statement(plan: Plan, tree: Path, folder: Path) -> str:
    origin = provenance.Origin(
        commit=plan.commit,
        source=plan.source,
        builder=plan.builder,
        locks={path: sums.digest(tree / path) for path in LOCKS},
        tools=parts.tools(),
        images=plan.images,
    )
    return provenance.text_of(provenance.statement(origin, sums.digests(folder)))


def refuse_other_version(tag: str) -> None:
    """Refuse a tag that names another version than the package.

    Raises:
        BuildError: it does.
    """
    if tag.removeprefix("v") != vcnd.__version__:
        raise BuildError(
            f"the tag {tag} is not the package's version {vcnd.__version__}:"
            " change the version (docs/releasing.md), or the tag"
        )


def verify(folder: Path, signers: Path) -> tuple[str, int]:
    """Check a release; return who has signed it, and the number of its files.

    Raises:
        BuildError: ssh-keygen is missing.
        ReleaseError: it is not what one of the signers has published.
    """
    listing = folder / sums.NAME
    if not listing.exists():
        raise sums.ReleaseError(f"{folder} has no {sums.NAME}")
    signer = signing.verify(listing, signers)
    listed = sums.parse(listing.read_text())
    faults = sums.differences(listed, sums.digests(folder))
    statement = folder / provenance.NAME
    if not faults:
        told = provenance.subjects(statement.read_text()) if statement.exists() else {}
        others = {name: d for name, d in listed.items() if name != provenance.NAME}
        faults = [f"{provenance.NAME}: {x}" for x in sums.differences(told, others)]
    if faults:
        raise sums.ReleaseError("; ".join(faults))
    return signer, len(listed)
