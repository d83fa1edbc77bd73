"""``vcndctl audit``: what it prints, and how it ends."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from tests.answering import answering
from vcnd import ctl
from vcnd.ctl.exits import Exit
from vcnd.model.audit import AuditReport, Difference, PastRepair, Witness
from vcnd.model.drift import DriftKind

AGREE = AuditReport(
    differences=(), repaired=(), unread={}, refused="", past=(), repairs={}
)
ADDRESS = Difference(
    witness=Witness.CLOUD,
    kind=DriftKind.CLOUD_ADDRESS,
    what="10.1.0.9",
    wanted="on vnic1",
    found="",
    pod="shop/web",
    since_seconds=35.2,
    repair="forget it",
)
TOLD = replace(ADDRESS, witness=Witness.KUBERNETES, kind=DriftKind.POD, repair="")
PAST = PastRepair(
    kind=DriftKind.NFT_TABLE, number=1, what="inet vcnd", by="nft 77", seconds_ago=12.4
)


def audited(tmp_path: Path, report: AuditReport, *options: str) -> tuple[int, str]:
    path, body = tmp_path / "s", msgspec.json.encode(report)
    with answering(path, b"0 %d\n%s" % (len(body), body)):
        done = CliRunner().invoke(ctl.main, ["--socket", str(path), "audit", *options])
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (AGREE, 0),
        (replace(AGREE, differences=(TOLD,)), 0),
        (replace(AGREE, repaired=(ADDRESS,)), 0),
        (replace(AGREE, differences=(ADDRESS,)), 3),
        (replace(AGREE, differences=(TOLD, ADDRESS)), 3),
        (replace(AGREE, refused="the kernel refused"), 3),
        (replace(AGREE, unread={Witness.CLOUD: "no answer"}), 4),
        (replace(AGREE, differences=(ADDRESS,), unread={Witness.CLOUD: "x"}), 3),
    ],
)
def test_exit_code_says_whether_all_agree(
    tmp_path: Path, report: AuditReport, code: int
) -> None:
    assert audited(tmp_path, report)[0] == code
    (tmp_path / "again").mkdir()
    ended, output = audited(tmp_path / "again", report, "--json")
    assert ended == code
    assert msgspec.json.decode(output, type=AuditReport) == report


def test_rows_say_what_is_wrong_and_what_a_repair_does(tmp_path: Path) -> None:
    report = replace(
        AGREE,
        differences=(ADDRESS, TOLD),
        unread={Witness.RUNTIME: "no\x1b[2J"},
        past=(PAST,),
    )
    _, output = audited(tmp_path, report)
    head, address, told, unread, past = output.splitlines()
    assert " ".join(head.split()) == "WITNESS KIND WHAT FOUND WANTED FOR REPAIR"
    assert " ".join(address.split()) == (
        "cloud cloud_address 10.1.0.9 (shop/web) missing on vnic1 35 s forget it"
    )
    assert told.endswith("none: only told")
    assert unread == "not compared: runtime: no\\x1b[2J"
    assert past == ("repaired 12 s ago: 1 nft_table: inet vcnd, changed by nft 77")


def test_agreement_is_told(tmp_path: Path) -> None:
    _, output = audited(tmp_path, replace(AGREE, repaired=(ADDRESS,)), "--repair")
    assert output.splitlines()[-1] == "journal, kernel, cloud and runtime agree"
    assert "done" in output


def test_daemon_that_cannot_be_asked_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "nobody")
    done = CliRunner().invoke(ctl.main, ["--socket", path, "audit"])
    assert done.exit_code == Exit.DOWN
    assert "is vcnd running" in done.output
