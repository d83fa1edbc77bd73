"""Which reverse path filters are made strict again."""

from pathlib import Path

import pytest

from vcnd.linux import reverse_path
from vcnd.linux.reverse_path import LOOSE, OFF, STRICT


@pytest.fixture
def filters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Return the filters that are set; those of before are in ``tmp_path``."""
    found: dict[str, int] = {}
    monkeypatch.setattr(reverse_path, "CONF", tmp_path)
    monkeypatch.setattr(reverse_path, "_set", found.__setitem__)
    return found


def write(directory: Path, **filters: int) -> None:
    for name, value in filters.items():
        (directory / name).mkdir()
        (directory / name / "rp_filter").write_text(f"{value}\n")


@pytest.mark.parametrize(
    ("link", "default", "expected"),
    [
        (LOOSE, STRICT, {"eth0": STRICT}),
        (LOOSE, LOOSE, {}),
        (STRICT, STRICT, {}),
        (OFF, STRICT, {}),
    ],
)
def test_a_filter_is_put_back_where_the_image_is_strict(
    link: int,
    default: int,
    expected: dict[str, int],
    filters: dict[str, int],
    tmp_path: Path,
) -> None:
    write(tmp_path, eth0=link, default=default)
    reverse_path.put_back("eth0")
    assert filters == expected


def test_a_link_that_is_gone_needs_no_filter(
    filters: dict[str, int], tmp_path: Path
) -> None:
    write(tmp_path, default=STRICT)
    reverse_path.put_back("eth0")
    assert filters == {}


def test_a_filter_that_cannot_be_read_is_an_error(
    filters: dict[str, int], tmp_path: Path
) -> None:
    (tmp_path / "eth0" / "rp_filter").mkdir(parents=True)
    with pytest.raises(OSError, match="rp_filter"):
        reverse_path.put_back("eth0")
    assert filters == {}
