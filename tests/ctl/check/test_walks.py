"""How paths are walked and judged; the script runs in a real shell."""

import shlex
import subprocess
from pathlib import Path

import pytest

from vcnd.ctl.check.walks import (
    Targets,
    Walk,
    as_address,
    results,
    script,
    walks,
)
from vcnd.model.check_report import PathName, Verdict

ALL = Targets(
    near="10.1.0.4",
    far="10.1.0.5",
    service="10.96.0.7",
    service_name="s.ns",
    service_backend="far",
    own_node="10.0.0.2",
    other_node="10.0.0.3",
    outside="http://example.com/?a=1&b='2'",
    allowed="fd00::6",
    denied="10.1.0.7",
)
SOURCE = Walk(path=PathName.CROSS_NODE, command="", seen_as_self=True)
NAME = Walk(path=PathName.DNS, command="", expected="far")
DENIED = Walk(path=PathName.POLICY_DENIES, command="", refused=True)
ANY = Walk(path=PathName.API_SERVER, command="")


def test_every_path_of_a_pod_is_walked() -> None:
    walked = {walk.path for walk in walks(ALL)}
    assert walked == {*PathName} - {PathName.NODE_TO_POD}
    assert {walk.path for walk in walks(Targets(near="10.1.0.4"))} == {
        *(PathName.SAME_NODE, PathName.LARGE_PACKETS, PathName.API_SERVER)
    }


def test_ipv6_addresses_stand_in_brackets() -> None:
    (walk,) = (w for w in walks(ALL) if w.path is PathName.POLICY_ALLOWS)
    assert "http://[fd00::6]:8080/clientip" in walk.command


@pytest.mark.parametrize(
    ("walk", "line", "verdict", "detail"),
    [
        (SOURCE, "cross_node 0 10.1.0.9:3456", Verdict.OK, "saw 10.1.0.9"),
        (SOURCE, "cross_node 0 [fd00::9]:3456", Verdict.OK, "saw fd00::9"),
        (SOURCE, "cross_node 0 10.0.0.2:3456", Verdict.FAILED, "saw 10.0.0.2"),
        (SOURCE, "cross_node 0 <html>", Verdict.FAILED, "saw <html>"),
        (SOURCE, "cross_node 28 timed out", Verdict.FAILED, "timed out"),
        (SOURCE, "cross_node 28", Verdict.FAILED, "exit code 28"),
        (SOURCE, "other 0 x", Verdict.FAILED, "did not try"),
        (SOURCE, "", Verdict.FAILED, "did not try"),
        (NAME, "dns 0 far", Verdict.OK, "far"),
        (NAME, "dns 0 near", Verdict.FAILED, "near came, not far"),
        (NAME, "dns 0", Verdict.FAILED, "nothing came"),
        (DENIED, "policy_denies 28 timed out", Verdict.OK, "denied"),
        (DENIED, "policy_denies 0 10.1.0.9:1", Verdict.FAILED, "it passed"),
        (DENIED, "policy_denies 127 no curl", Verdict.FAILED, "no curl"),
        (ANY, "api_server 0 connected", Verdict.OK, "connected"),
        (ANY, "api_server x connected", Verdict.FAILED, "did not try"),
    ],
)
def test_walk_is_judged(walk: Walk, line: str, verdict: Verdict, detail: str) -> None:
    (found,) = results([walk], line, ["10.1.0.9", "fd00::9"])
    assert found.path is walk.path
    assert found.verdict is verdict
    assert detail in found.detail


def test_script_writes_a_line_for_each_path(tmp_path: Path) -> None:
    some = [
        Walk(path=PathName.DNS, command="echo first; echo 'it''s'", expected="its"),
        Walk(path=PathName.OUTSIDE, command="echo no; exit 3"),
        Walk(path=PathName.POLICY_DENIES, command="exit 28", refused=True),
    ]
    written = tmp_path / "message"
    text = script(some).replace("/dev/termination-log", str(written))
    text = text.replace("sleep 1", ":")
    done = subprocess.run(["/bin/sh", "-c", text], check=True, capture_output=True)
    assert done.stderr == b""
    assert written.read_text().splitlines() == [
        "dns 0 its",
        "outside 3 no",
        "policy_denies 28 ",
    ]
    found = results(some, written.read_text(), [])
    assert [x.verdict for x in found] == [Verdict.OK, Verdict.FAILED, Verdict.OK]


def test_script_of_all_paths_is_valid() -> None:
    text = script(walks(ALL))
    subprocess.run(["/bin/sh", "-n", "-c", text], check=True)
    assert len(text) < 100_000


EVIL = "192.0.2.9; touch /tmp/x; true #"


def test_only_addresses_of_the_api_are_walked_to() -> None:
    assert as_address("192.0.2.9") == "192.0.2.9"
    assert as_address("fd00::0:9") == "fd00::9"
    for text in (EVIL, "", "None", None, 7.5, ["a"], "10.0.0.1/24", "$(id)", "a b"):
        assert not as_address(text)


def test_no_target_is_more_than_one_word_of_a_shell() -> None:
    targets = Targets(**dict.fromkeys(Targets.__struct_fields__, EVIL))
    for walk in walks(targets):
        words = shlex.split(walk.command)
        assert "touch" not in words, walk
        assert not any(word.startswith("/tmp") for word in words), walk
