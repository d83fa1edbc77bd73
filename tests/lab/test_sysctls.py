from pathlib import Path

import pytest

from integration.lab import profile, sysctls


def _file(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_the_last_file_by_name_wins(tmp_path: Path) -> None:
    late = _file(tmp_path, "90-b.conf", "net.ipv4.ip_forward = 1\n")
    early = _file(tmp_path, "10-a.conf", "# why\n\nnet.ipv4.ip_forward=0\n")
    assert sysctls.read([late, early]) == {"net/ipv4/ip_forward": "1"}


def test_leading_dash_excludes_or_ignores_errors(tmp_path: Path) -> None:
    text = "-net.ipv4.conf.all.rp_filter\n-net.ipv6.conf.all.forwarding = 1\n"
    assert sysctls.read([_file(tmp_path, "a.conf", text)]) == {
        "net/ipv4/conf/all/rp_filter": None,
        "net/ipv6/conf/all/forwarding": "1",
    }


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("all", "default", "eth0", "eth1"):
        (tmp_path / "net/ipv4/conf" / name).mkdir(parents=True)
        (tmp_path / "net/ipv4/conf" / name / "rp_filter").write_text("0")
    monkeypatch.setattr(sysctls, "ROOT", tmp_path)
    return tmp_path


def _values(root: Path) -> dict[str, str]:
    return {
        p.parent.name: p.read_text() for p in root.glob("net/ipv4/conf/*/rp_filter")
    }


def test_pattern_spares_settings_with_their_own_assignment(root: Path) -> None:
    settings = sysctls.read(profile.Profile("oracle-linux").files)
    del settings["net/ipv4/conf/all/rp_filter"]
    sysctls.write({**settings, "net/ipv4/conf/all/rp_filter": None})
    assert _values(root) == {"all": "0", "default": "1", "eth0": "1", "eth1": "1"}


def test_a_new_link_changes_nothing_but_itself(root: Path) -> None:
    settings = sysctls.read(profile.Profile("oracle-linux").files)
    sysctls.write(settings, below=("net/ipv4/conf/eth1/",))
    assert _values(root) == {"all": "0", "default": "0", "eth0": "0", "eth1": "1"}


def test_images_differ_as_documented(root: Path) -> None:
    sysctls.write(sysctls.read(profile.Profile("ubuntu").files))
    assert _values(root) == {"all": "2", "default": "2", "eth0": "0", "eth1": "0"}
    sysctls.write(sysctls.read(profile.Profile("oracle-linux").files))
    assert _values(root) == {"all": "1", "default": "1", "eth0": "1", "eth1": "1"}
    assert profile.Profile("plain").files == []
