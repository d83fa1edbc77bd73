"""What a suite found, read from its reports."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GO_TEST = re.compile(r"^ {4}--- (PASS|FAIL|SKIP): [^/\s]+/([^/\s]+) \(", re.MULTILINE)
"""A test's result in ``go test -v``'s output, one level below the whole."""


@dataclass(kw_only=True)
class Result:
    """The tests of one suite."""

    passed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> int:
        """Return how many failed."""
        return len(self.failures)

    def ok(self, expected: int) -> bool:
        """Return True if none failed, and as many passed as there are."""
        return not self.failures and self.passed == expected

    def as_json(self) -> dict[str, Any]:
        """Return it as the command's JSON has it."""
        return {
            "passed": self.passed,
            "failed": self.failed,
            "skipped": self.skipped,
            "failures": self.failures,
            "seconds": self.seconds,
        }


def of_junit(report: Path, focus: str = "") -> Result:
    """Read a JUnit report.

    Args:
        report: the file.
        focus: pattern of the names that count.
    """
    result = Result()
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314
        name = case.get("name", "")
        if not re.search(focus, name):
            continue
        if case.get("status") == "skipped" or case.find("skipped") is not None:
            result.skipped += 1
        elif case.get("status", "passed") == "passed" and case.find("failure") is None:
            result.passed += 1
        else:
            result.failures.append(name)
    return result


def of_go_test(output: str) -> Result:
    """Read what a Go test with subtests printed with ``-test.v``."""
    result = Result()
    for verdict, name in GO_TEST.findall(output):
        if verdict == "FAIL":
            result.failures.append(name)
        elif verdict == "SKIP":
            result.skipped += 1
        else:
            result.passed += 1
    return result
