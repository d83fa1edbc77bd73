"""The installer's files on a node; a folder stands for the node's root."""

import json
import os
from pathlib import Path

import pytest

from vcnd.install import layout, policies, units
from vcnd.install.host import Host, InstallError
from vcnd.install.identity import api_server

USERS = "root:x:0:0:root:/root:/bin/sh\nvcnd:x:998:997::/:/usr/sbin/nologin\n"


def test_write_is_atomic_and_returns_whether_it_changed(tmp_path: Path) -> None:
    host = Host(tmp_path)
    ids = (os.getuid(), os.getgid())
    assert host.write("/etc/vcnd/token", "one", mode=0o400, owner=ids)
    assert not host.write("/etc/vcnd/token", "one", mode=0o400, owner=ids)
    assert host.write("/etc/vcnd/token", "two", mode=0o400, owner=ids)
    file = tmp_path / "etc/vcnd/token"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("two", 0o400)
    assert [p.name for p in file.parent.iterdir()] == ["token"]


def test_removing_a_missing_file_is_no_error(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.remove("/opt/vcnd")
    (tmp_path / "opt/vcnd/v1").mkdir(parents=True)
    host.remove("/opt/vcnd")
    assert not (tmp_path / "opt/vcnd").exists()


def test_folders_of_others_stay(tmp_path: Path) -> None:
    host = Host(tmp_path)
    (tmp_path / "etc/sysusers.d").mkdir(parents=True)
    (tmp_path / "etc/sysusers.d/theirs.conf").touch()
    host.remove_if_empty("/etc/sysusers.d")
    assert (tmp_path / "etc/sysusers.d").exists()
    (tmp_path / "etc/sysusers.d/theirs.conf").unlink()
    host.remove_if_empty("/etc/sysusers.d")
    assert not (tmp_path / "etc/sysusers.d").exists()


def test_users_of_the_node(tmp_path: Path) -> None:
    host = Host(tmp_path)
    assert host.user("vcnd") is None
    (tmp_path / "etc").mkdir()
    others = "mueller:x:1000:1000:Müller:/home/mueller:/bin/sh\n".encode("latin-1")
    (tmp_path / "etc/passwd").write_bytes(others + USERS.encode())
    assert host.user("vcnd") == (998, 997)
    assert host.user("vcn") is None


def test_drop_in_names_the_real_folder_and_the_node() -> None:
    text = units.drop_in("/opt/vcnd/0.1.0", "worker")
    assert "RootDirectory=/opt/vcnd/0.1.0\n" in text
    assert "VCND_NODE_NAME=worker" in text


@pytest.mark.parametrize(
    "where", ["/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/kubeconfig"]
)
def test_api_server_as_the_kubelet_knows_it(tmp_path: Path, where: str) -> None:
    host = Host(tmp_path)
    path = host.path(where)
    path.parent.mkdir(parents=True)
    cluster = {"name": "c", "cluster": {"server": "https://10.0.0.10:6443"}}
    path.write_text(json.dumps({"clusters": [cluster]}))
    assert api_server(host, "") == "https://10.0.0.10:6443"
    assert api_server(host, "https://named") == "https://named"


def test_missing_kubelet_is_reported_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="VCND_API_SERVER"):
        api_server(Host(tmp_path), "")


def test_everything_laid_down_is_under_known_paths() -> None:
    """``removal`` removes these paths; a new path of the layout must be added there."""
    removed = (Path(units.__file__).parent / "removal.py").read_text()
    removed += Path(units.__file__).read_text() + Path(policies.__file__).read_text()
    for name in (
        *("CONFIGURATION", "STATE", "TREES", "SYSUSERS", "PLUGIN", "CONFLIST"),
        *("SERVICE", "SOCKET_UNIT", "DROP_INS", "CONTROL", "SYSCTLS", "SOCKETS"),
        *("POLICY_SERVICE", "POLICY_SOCKET_UNIT", "POLICY_DROP_INS"),
        *("POLICY_CONFIGURATION", "USER", "POLICY_USER"),
    ):
        assert f"layout.{name}" in removed, name
    assert layout.VERSION_DROP_IN.startswith(layout.DROP_INS)
    assert layout.BEFORE.startswith(layout.CONFIGURATION)
