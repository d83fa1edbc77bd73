"""The release workflow adds nothing of its own to what ``./vcn release`` builds."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
WORKFLOW: dict[str, Any] = yaml.safe_load(
    (ROOT / ".github/workflows/release.yml").read_text()
)
STEPS: list[dict[str, Any]] = WORKFLOW["jobs"]["release"]["steps"]
DOCUMENTS: list[dict[str, Any]] = WORKFLOW["jobs"]["documents"]["steps"]


def test_one_step_builds_and_it_calls_the_verb() -> None:
    building = [s for s in STEPS if "./vcn" in s.get("run", "")]
    (step,) = building
    assert re.findall(r"\./vcn (\w+ \w+)", step["run"]) == [
        "release audit",
        "release build",
    ]


def test_actions_are_pinned_by_their_commits() -> None:
    used = [s["uses"] for s in (*STEPS, *DOCUMENTS) if "uses" in s]
    assert len(used) == 3
    assert [
        u for u in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", u)
    ] == []


def test_documents_of_a_tag_follow_its_release() -> None:
    assert WORKFLOW["jobs"]["documents"]["needs"] == "release"
    (script,) = (step["run"] for step in DOCUMENTS if "run" in step)
    assert './vcn docs "$pages" --version "${TAG#v}"' in script


@pytest.mark.slow
def test_documents_are_pushed_beside_those_of_earlier_tags(tmp_path: Path) -> None:
    """The script itself, with git, and a builder that writes one page."""
    (script,) = (step["run"] for step in DOCUMENTS if "run" in step)
    origin, work = tmp_path / "origin", tmp_path / "work"

    def git(*arguments: str, where: Path = work) -> str:
        user = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        command = ["git", *user, *arguments]
        done = subprocess.run(
            command, cwd=where, check=True, capture_output=True, text=True
        )
        return done.stdout

    for folder in (origin, work):
        folder.mkdir()
    git("init", "-q", "--bare", where=origin)
    git("init", "-q")
    git("remote", "add", "origin", str(origin))
    builder = work / "vcn"
    builder.write_text(
        '#!/bin/sh\nmkdir -p "$2/$4" && echo "$4 $6" >"$2/$4/index.html"\n'
    )
    builder.chmod(0o755)
    git("add", "-A")
    git("commit", "-qm", "first")
    for tag in ("v0.1.0", "v0.2.0"):
        temporary = tmp_path / tag
        temporary.mkdir()
        url = "https://example.org/x"
        variables = {"TAG": tag, "URL": url, "RUNNER_TEMP": str(temporary)}
        subprocess.run(
            ["/bin/bash", "-eo", "pipefail", "-c", script],
            cwd=work,
            env={**os.environ, **variables},
            check=True,
        )
    listed = git("ls-tree", "-r", "--name-only", "gh-pages", where=origin)
    assert listed.split() == ["0.1.0/index.html", "0.2.0/index.html"]
    page = git("show", "gh-pages:0.2.0/index.html", where=origin)
    assert page == "0.2.0 https://example.org/x/blob/v0.2.0\n"


def test_the_rest_of_the_workflow_has_no_rights() -> None:
    assert WORKFLOW["permissions"] == {}


@pytest.mark.parametrize(
    "step", [*STEPS, *DOCUMENTS], ids=lambda s: s.get("name", s.get("uses"))
)
def test_expressions_reach_programs_by_the_environment_alone(
    step: dict[str, Any],
) -> None:
    """A tag's name in a script would be run as a part of it."""
    assert "${{" not in step.get("run", "")


def test_signed_list_is_what_is_attested() -> None:
    attested = [s["with"] for s in STEPS if "attest" in s.get("uses", "")]
    assert [w["subject-checksums"].rsplit("/")[-1] for w in attested] == ["SHA256SUMS"]
