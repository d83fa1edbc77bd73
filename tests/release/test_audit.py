"""Reports of pip-audit are read, and a package that was passed over is a fault."""

import json
from pathlib import Path
from typing import Any

import pytest

from integration import locked
from integration.build.command import BuildError
from integration.release import audit
from integration.release.audit import Verdict, verdict


def report(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def package(*vulnerabilities: dict[str, Any]) -> dict[str, Any]:
    return {"name": "h11", "version": "0.14.0", "vulns": list(vulnerabilities)}


def test_packages_without_vulnerabilities_are_counted() -> None:
    assert verdict(report(package(), package())) == Verdict(2)


def test_vulnerability_is_named_with_the_release_that_mends_it() -> None:
    known = {"id": "GHSA-vqfr-h8mv-ghfj", "fix_versions": ["0.16.0"], "aliases": []}
    unmended = {"id": "PYSEC-1", "fix_versions": [], "aliases": []}
    assert verdict(report(package(known, unmended))).vulnerable == (
        "h11 0.14.0: GHSA-vqfr-h8mv-ghfj, mended in 0.16.0",
        "h11 0.14.0: PYSEC-1, mended in no release",
    )


def test_package_that_was_passed_over_is_a_fault() -> None:
    skipped = {"name": "h11", "skip_reason": "Dependency not found on PyPI"}
    found = verdict(report(package(), skipped))
    assert found.vulnerable == ()
    assert found.faults == ("h11 was not audited: Dependency not found on PyPI",)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "1", report({"name": "h11"}), report({"vulns": [{}]})]
)
def test_text_that_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"report|Expecting"):
        verdict(text)


STAND_IN = """
import json, sys
from pathlib import Path

answers = json.loads(Path(__file__).with_name("answers.json").read_text())
lock = Path(sys.argv[sys.argv.index("-r") + 1]).name
print(answers[lock])
sys.exit(int("GHSA" in answers[lock]))
"""
"""In pip-audit's place: answers by the name of the lock file."""
KNOWN = package({"id": "GHSA-vqfr-h8mv-ghfj", "fix_versions": ["0.16.0"]})


def answering(
    folder: Path, monkeypatch: pytest.MonkeyPatch, canary: str, lock: str
) -> Path:
    """Let a program in pip-audit's place answer; return a lock file."""
    program = folder / "pip_audit"
    program.mkdir()
    (program / "__main__.py").write_text(STAND_IN)
    answers = {audit.CANARY.name: canary, "lock.txt": lock}
    (program / "answers.json").write_text(json.dumps(answers))
    monkeypatch.setattr(locked, "install", lambda _name, _lock: folder)
    return folder / "lock.txt"


@pytest.mark.slow
def test_packages_are_asked_about_after_a_known_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = answering(tmp_path, monkeypatch, report(KNOWN), report(package()))
    assert audit.audit([lock]) == Verdict(1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("canary", "reason"),
    [
        (report(package()), "none of h11"),
        (report({"name": "h11", "skip_reason": "not found"}), "not found"),
        ("", "gave no report"),
    ],
)
def test_source_without_advisories_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, canary: str, reason: str
) -> None:
    lock = answering(tmp_path, monkeypatch, canary, report(package()))
    with pytest.raises(BuildError, match=reason):
        audit.audit([lock])
