"""The kernel's boot id."""

from pathlib import Path

import pytest

from vcnd.linux import boot
from vcnd.model.errors import VcndError


def test_unreadable_boot_id_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot, "PATH", tmp_path / "boot_id")
    with pytest.raises(VcndError, match=r"boot cannot be read from .*No such file"):
        boot.boot_id()
    (tmp_path / "boot_id").write_text("0c1f\n")
    assert boot.boot_id() == "0c1f"
