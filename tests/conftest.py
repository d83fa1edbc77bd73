"""Settings of property tests: the same examples each time, or many random ones.

There are two groups of tests: fast ones, each under a time limit, and slow ones.
"""

import gc
import math
import os
import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

settings.register_profile("few", max_examples=10, derandomize=True, deadline=None)
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("random", max_examples=5000, deadline=None)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "fixed")
settings.load_profile(PROFILE)

# Each client of httpx and httpx2 loads the system's certificates, for 40 ms.
# No test calls a server with a certificate of these authorities.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "trusted.pem")

LIMIT_SECONDS = 0.5
"""The most processor time, with threads, of a test of the fast group."""

LIVES = Path(__file__).parent / "flow"
LIVES_OF_A_FILE = 1
"""Of each file here so many tests are in the fast group: a simulated node's life takes
0.07 s of processor time, and there are hundreds."""

BEGAN = pytest.StashKey[float]()
TOOK_LONG = "took_long"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files out of the fast group that are slow as a whole: they are not read."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return "\npytestmark = pytest.mark.slow" in collection_path.read_text() or None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a sample in the fast group: of each matrix, and of each file of lives."""
    matrices: dict[str, list[pytest.Item]] = defaultdict(list)
    lives: dict[Path, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if LIVES in item.path.parents and not item.get_closest_marker("slow"):
            lives[item.path].append(item)
        elif item.get_closest_marker("matrix"):
            matrices[item.nodeid.partition("[")[0]].append(item)
    for cases in matrices.values():
        matrix = cases[0].get_closest_marker("matrix")
        assert matrix is not None
        _keep(cases, matrix.kwargs["fast"])
    for tests in lives.values():
        _keep(tests, LIVES_OF_A_FILE)


def _keep(tests: list[pytest.Item], fast: int) -> None:
    """Mark tests slow, but for so many that are evenly spread."""
    sample = {len(tests) * number // fast for number in range(fast)}
    for number, test in enumerate(tests):
        if number not in sample:
            test.add_marker(pytest.mark.slow)


@settings(max_examples=20, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.text(), min_size=20))
def _let_hypothesis_prepare(_: list[str]) -> None:
    """Draw texts: before the first ones hypothesis makes tables, once for a machine.

    They are of all characters and of the constants in the sources.
    """


def pytest_collection_finish(session: pytest.Session) -> None:
    """Do what is no test's own work before the first one.

    The garbage collector then passes over tests, modules and tables, which stay to the
    end.
    """
    if any(map(_is_property_test, session.items)):
        _let_hypothesis_prepare()
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[BEGAN] = time.process_time()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note on a test of the fast group that it exceeds its limit."""
    report = yield
    took = time.process_time() - item.stash[BEGAN]
    if call.when == "call" and report.passed and took > _limit(item):
        report.user_properties.append((TOOK_LONG, took))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that exceed the limit.

    They have not failed: on a busy machine the same work takes more processor time.
    """
    for report in terminalreporter.getreports("passed"):
        for took in (v for name, v in report.user_properties if name == TOOK_LONG):
            terminalreporter.write_line(
                f"{report.nodeid}: {took:.2f} s of processor time:"
                " make it faster, or mark it slow"
            )


def _limit(item: pytest.Item) -> float:
    """Return the processor seconds that a test may take."""
    unlimited = PROFILE != "few" and _is_property_test(item)
    if unlimited or item.get_closest_marker("slow"):
        return math.inf
    return LIMIT_SECONDS


def _is_property_test(item: pytest.Item) -> bool:
    return getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
