"""``vcndctl permissions``: the statements, and how it ends."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from tests.answering import answering
from vcnd import ctl
from vcnd.ctl.exits import Exit
from vcnd.model.permissions import Held, PermissionsAnswer, StatementStatus

USED = StatementStatus(
    statement="inspect vcns", held=Held.USED, purpose="SNAT", operation="GetVcn"
)
REFUSED = StatementStatus(
    statement="inspect ipam", held=Held.REFUSED, purpose="subnets", operation="GetUse"
)
UNKNOWN = StatementStatus(statement="manage ipv6s", held=Held.UNKNOWN, purpose="IPv6")


@pytest.mark.parametrize(
    ("answer", "code", "line"),
    [
        (
            PermissionsAnswer(statements=(USED, UNKNOWN)),
            Exit.FINE,
            "used inspect vcns GetVcn SNAT",
        ),
        (
            PermissionsAnswer(statements=(USED, REFUSED), unread="slow"),
            Exit.WRONG,
            "refused inspect ipam GetUse subnets",
        ),
        (
            PermissionsAnswer(statements=(UNKNOWN,), unread="OCI is slow"),
            Exit.UNSURE,
            "OCI is slow",
        ),
    ],
)
def test_statements_are_shown(
    tmp_path: Path, answer: PermissionsAnswer, code: Exit, line: str
) -> None:
    path, body = tmp_path / "s", msgspec.json.encode(answer)
    with answering(path, b"0 %d\n%s" % (len(body), body)):
        done = CliRunner().invoke(ctl.main, ["--socket", str(path), "permissions"])
    assert done.exit_code == code
    assert line in [" ".join(shown.split()) for shown in done.output.splitlines()]
