"""What suites of others report, as we read it."""

from pathlib import Path

from integration.kind.suites import policy
from integration.kind.suites.policy import Extent
from integration.kind.suites.results import Result, of_go_test, of_junit

GO_TEST = """\
=== RUN   TestConformanceProfiles
=== RUN   TestConformanceProfiles/CNPAdminTierGress
=== RUN   TestConformanceProfiles/CNPAdminTierGress/Should_deny
--- FAIL: TestConformanceProfiles (60.00s)
    --- PASS: TestConformanceProfiles/CNPAdminTierIngressTCP (10.00s)
        --- PASS: TestConformanceProfiles/CNPAdminTierIngressTCP/Should_allow (1.00s)
    --- FAIL: TestConformanceProfiles/CNPAdminTierGress (50.00s)
        --- FAIL: TestConformanceProfiles/CNPAdminTierGress/Should_deny (10.00s)
    --- SKIP: TestConformanceProfiles/CNPAdminTierEgressNodePeers (0.00s)
"""
GINKGO = """\
<testsuites><testsuite>
<testcase name="[Feature:NetworkPolicy] one" status="passed"/>
<testcase name="[Feature:NetworkPolicy] two" status="failed"><failure/></testcase>
<testcase name="[Feature:NetworkPolicy] three" status="skipped"><skipped/></testcase>
<testcase name="[It] other" status="passed"/>
</testsuite></testsuites>
"""
CYCLONUS = """\
<testsuite name="cyclonus">
<testcase name="good"></testcase><testcase name="bad"><failure></failure></testcase>
</testsuite>
"""


def test_go_subtests_are_counted_at_the_first_level() -> None:
    result = of_go_test(GO_TEST)
    assert (result.passed, result.skipped) == (1, 1)
    assert result.failures == ["CNPAdminTierGress"]


def test_ginkgo_cases_out_of_focus_do_not_count(tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    report.write_text(GINKGO)
    result = of_junit(report, r"\[Feature:NetworkPolicy\]")
    assert (result.passed, result.skipped) == (1, 1)
    assert result.failures == ["[Feature:NetworkPolicy] two"]


def test_cyclonus_cases_fail_by_their_element(tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    report.write_text(CYCLONUS)
    result = of_junit(report)
    assert (result.passed, result.failures) == (1, ["bad"])


def test_suite_that_runs_fewer_tests_has_not_passed() -> None:
    extent = Extent(subset=False, report=Path("unused"))
    whole = policy.SUITES["e2e"].whole
    assert policy.passed("e2e", Result(passed=whole), extent)
    assert not policy.passed("e2e", Result(passed=whole - 1), extent)
    assert not policy.passed("e2e", Result(passed=whole, failures=["x"]), extent)
