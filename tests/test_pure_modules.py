"""A test imports every module of rules, so a broken rule fails in its own test."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUTSIDE = {
    *("httpx2", "os", "pathlib", "pyroute2", "select", "shutil", "socket", "ssl"),
    *("subprocess", "threading", "time", "trio"),
    *("vcnd.kubeapi.client", "vcnd.linux.kernel"),
}
"""A module of adapters that imports one of these does more than compute."""
WHOLE = (
    "core",
    "core/policy",
    "bpf",
    "netlink",
    "ociapi",
    "kubeapi",
    "serve",
    "journal",
)
"""Rooms in which every module has a test of its own."""
PARTLY = ("kube", "kube/policy", "linux", "linux/policy")
"""Rooms of adapters: only modules that compute can be tested without a peer."""


def imported(path: Path) -> Iterator[str]:
    """Yield the names of the modules, and of their members, that a file imports."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(room: str) -> Iterator[Path]:
    files = sorted((ROOT / "vcnd" / room).glob("*.py"))
    yield from (path for path in files if path.name != "__init__.py")


def only_computes(path: Path) -> bool:
    names = {*imported(path)}
    return OUTSIDE.isdisjoint(names | {name.partition(".")[0] for name in names})


RULES = [path for room in WHOLE for path in modules(room)]
RULES += [path for room in PARTLY for path in modules(room) if only_computes(path)]
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
TESTED = {name for path in TESTS for name in imported(path)}


@pytest.mark.parametrize("path", RULES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_module_of_rules_has_a_test(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    assert name in TESTED, f"no test imports {name}: write a table of its rules"
