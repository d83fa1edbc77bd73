"""Where a release's files come from: an in-toto statement with SLSA's provenance.

Forms: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md and
https://slsa.dev/spec/v1.0/provenance.  It has no time and no machine's name, so that
the same commit, tools and builder give the same statement.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integration.release.source import Commit
from integration.release.sums import ReleaseError

NAME = "provenance.intoto.json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://vcnd.invalid/release/v1"
"""A name for ``./vcn release build``, described in docs/releasing.md; no page."""
BY_HAND = "https://vcnd.invalid/builder/by-hand"
"""The builder if nobody names one: a person, for whom the signing key speaks."""
SOURCE = "git+https://vcnd.invalid/vcnd"
"""The repository if nobody names one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a release is made of, and by whom."""

    commit: Commit
    source: str = SOURCE
    """URI of the repository."""
    builder: str = BY_HAND
    """URI of who builds."""
    locks: Mapping[str, str]
    """The files that pin dependencies by hashes: path → SHA-256."""
    tools: Mapping[str, str] = field(default_factory=dict)
    """Versions of the programs that decide what is built, by name."""
    images: bool = False
    """Whether images are among the files."""


def statement(origin: Origin, files: Mapping[str, str]) -> dict[str, Any]:
    """Return the statement about files, given by their SHA-256 digests."""
    checkout = {
        "uri": f"{origin.source}@{origin.commit.digest}",
        "digest": {"gitCommit": origin.commit.digest},
    }
    locks = (
        {"name": path, "digest": {"sha256": digest}}
        for path, digest in sorted(origin.locks.items())
    )
    return {
        "_type": STATEMENT,
        "subject": [
            {"name": name, "digest": {"sha256": digest}}
            for name, digest in sorted(files.items())
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "source": origin.source,
                    "commit": origin.commit.digest,
                    "images": origin.images,
                },
                "resolvedDependencies": [checkout, *locks],
            },
            "runDetails": {
                "builder": {
                    "id": origin.builder,
                    "version": dict(sorted(origin.tools.items())),
                }
            },
        },
    }


def text_of(made: Mapping[str, Any]) -> str:
    """Return a statement's text."""
    return json.dumps(made, indent=2) + "\n"


def subjects(text: str) -> dict[str, str]:
    """Return the digests that a statement gives, by file.

    Raises:
        ReleaseError: it is no statement of this form.
    """
    try:
        body = json.loads(text)
        kind = body["_type"], body["predicateType"]
        found = {s["name"]: s["digest"]["sha256"] for s in body["subject"]}
    except (ValueError, LookupError, TypeError) as error:
        raise ReleaseError(f"{NAME} cannot be read: {error!r}") from error
    if kind != (STATEMENT, PREDICATE):
        raise ReleaseError(f"{NAME} is of another kind: {', '.join(map(str, kind))}")
    return found
