"""A node that lacks a requirement is refused with a reason."""

import errno
from pathlib import Path

import pytest

from vcnd.linux.layout import Layout
from vcnd.linux.requirements import UnfitNodeError, check
from vcnd.model.family import Family

FOUR, BOTH = (Family.IPV4,), (Family.IPV4, Family.IPV6)


def _program(tmp_path: Path, script: str) -> Path:
    path = tmp_path / "nft"
    path.write_text(f"#!/bin/sh\ncat >/dev/null\n{script}\n")
    path.chmod(0o755)
    return path


def _no_cookie() -> int:
    raise OSError(errno.ENOPROTOOPT, "Protocol not available")


def test_an_old_kernel(tmp_path: Path) -> None:
    nft = _program(tmp_path, "exit 0")
    with pytest.raises(UnfitNodeError, match=r"too old; vcnd needs 5\.14"):
        check(Layout(), FOUR, nft=nft, cookie=_no_cookie)


def test_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(UnfitNodeError, match="install nftables"):
        check(Layout(), FOUR, nft=tmp_path / "none", cookie=lambda: 1)


def test_a_kernel_that_refuses_the_rule_set(tmp_path: Path) -> None:
    nft = _program(tmp_path, "echo 'Error: Could not process rule' >&2; exit 1")
    with pytest.raises(UnfitNodeError, match="Could not process rule") as caught:
        check(Layout(), FOUR, nft=nft, cookie=lambda: 1)
    assert "nf_tables" in str(caught.value)


def test_missing_or_disabled_ipv6_is_refused(tmp_path: Path) -> None:
    nft, switch = _program(tmp_path, "exit 0"), tmp_path / "disable_ipv6"

    def look(families: tuple[Family, ...]) -> None:
        check(Layout(), families, nft=nft, ipv6=switch, cookie=lambda: 1)

    look(FOUR)
    with pytest.raises(UnfitNodeError, match=r"ipv6\.disable=1"):
        look(BOTH)
    switch.write_text("1\n")
    with pytest.raises(UnfitNodeError, match="disable_ipv6"):
        look(BOTH)
    switch.write_text("0\n")
    look(BOTH)
