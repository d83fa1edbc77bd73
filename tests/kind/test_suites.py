"""What suites of others report, as we read it."""

import re
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

BETWEEN = "NetworkPolicy between server and client"
NETPOL = (
    f"{BETWEEN} should support a 'default-deny-ingress' policy",
    f"[LinuxOnly] {BETWEEN} using UDP should support a 'default-deny-ingress' policy",
    f"{BETWEEN} should enforce except clause while egress access to server in CIDR"
    " block",
    f"{BETWEEN} should enforce policy based on Multiple PodSelectors and"
    " NamespaceSelectors",
    f"{BETWEEN} should allow egress access on one named port",
    f"{BETWEEN} should stop enforcing policies after they are deleted",
    f"{BETWEEN} should support allow-all policy",
)
"""Some of Kubernetes' tests, as ginkgo names them."""


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


def test_subset_of_e2e_names_tests_that_are_there() -> None:
    names = [
        f"[sig-network] Netpol {words} [Feature:NetworkPolicy]" for words in NETPOL
    ]
    chosen = [name for name in names if re.search(policy.E2E_SUBSET, name)]
    assert len(chosen) == policy.SUITES["e2e"].subset
    assert names[-1] not in chosen
