"""Foreign chains are treated one by one; nft is a program that answers as told."""

import json
from pathlib import Path

import pytest

from vcnd.linux import forwarding, legacy_iptables
from vcnd.linux.forwarding import FirewallError, Forwarding
from vcnd.model.cause import Cause

NFT = """#!/bin/sh
asked=$(cat)
case "$asked" in
    *'"chains"'*) cat {folder}/chains ;;
    *'"list"'*'"gone"'*) echo "Error: No such file or directory" >&2; exit 1 ;;
    *'"list"'*'"odd"'*) cat {folder}/odd ;;
    *'"list"'*) cat {folder}/drop ;;
    *) echo "$asked" >> {folder}/changes ;;
esac
"""
BASE = {"family": "ip", "type": "filter", "hook": "forward", "policy": "drop"}
TABLES = ("gone", "odd", "theirs")
"""One was deleted since it was listed, one is of an unknown form, one drops."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    chains = [{"chain": {**BASE, "table": t, "name": "FORWARD"}} for t in TABLES]
    (tmp_path / "chains").write_text(json.dumps({"nftables": chains}))
    (tmp_path / "odd").write_text('{"nftables": [{"rule": {"handle": 1}}]}')
    ours = {"handle": 7, "comment": "vcnd", "expr": [ACCEPT, {"accept": None}]}
    (tmp_path / "drop").write_text(json.dumps({"nftables": [{"rule": ours}]}))
    (tmp_path / "changes").touch()
    program = tmp_path / "nft"
    program.write_text(NFT.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setattr(forwarding, "NFT", [str(program)])
    monkeypatch.setattr(legacy_iptables, "TABLE_NAMES", {})
    return tmp_path


ACCEPT = {
    "match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "oci*"},
}


def changed(folder: Path) -> list[str]:
    """Return the tables that were changed, by the verb."""
    commands = [json.loads(x) for x in (folder / "changes").read_text().splitlines()]
    return [
        f"{verb} {body['rule']['table']}"
        for command in commands
        for entry in command["nftables"]
        for verb, body in entry.items()
    ]


async def test_odd_chain_stops_no_accept_of_another(folder: Path) -> None:
    found = await Forwarding(
        link_prefix="oci", own_tables={"vcnd"}, accept=True
    ).find_problems()
    assert {name: f.cause for name, f in found.items()} == {
        "ip odd FORWARD": Cause.RULES_UNREADABLE
    }
    assert changed(folder) == ["add theirs"]


def test_odd_chain_stops_no_removal_from_another(folder: Path) -> None:
    names = [{"chain": {**BASE, "table": t, "name": "FORWARD"}} for t in TABLES[1:]]
    (folder / "chains").write_text(json.dumps({"nftables": names}))
    with pytest.raises(FirewallError, match="cannot be read: KeyError"):
        forwarding.remove("oci")
    assert set(changed(folder)) == {"delete theirs"}
