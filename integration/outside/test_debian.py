"""The Debian package: built twice, judged by lintian, installed, run and purged.

The node is a root file system of Debian, entered by chroot: systemd does not run there,
so the daemon is started by hand.  integration/kind runs the same units under systemd.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from integration.build import rootfs, wheels
from integration.build.command import BuildError
from integration.build.machines import (
    BPF,
    MACHINES,
    Machine,
    elf_machine,
    here,
)
from integration.outside.arm64 import CACHE, skip_unless_roots_can_be_made
from integration.outside.wheels import ROOT
from integration.release import debian, source
from vcnd.install import layout

ENTER = """
mount -t overlay none -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t proc proc "$2/root/proc"
mount --bind /dev "$2/root/dev"
ip link set lo up
exec chroot "$2/root" /bin/sh -ec "$3"
"""
UNSHARE = (
    *("/usr/bin/unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"),
    *("/bin/sh", "-ec", ENTER, "enter"),
)
OTHERS = "/proc /dev /tmp /run /var/lib/dpkg /var/log"
"""Folders that others change, too, or that are not kept."""
LEFT_OUT = " ".join(f"-path {path} -prune -o" for path in OTHERS.split())
LISTED = f"find / -xdev {LEFT_OUT} -print"
OF_PASSWD = {f"/etc/{name}-" for name in ("passwd", "group", "shadow", "gshadow")}
"""What useradd and userdel keep of the files before."""
STARTED = f"""
cat >{debian.CONFIGURATION} <<'END'
[oci]
subnet_id = "ocid1.subnet.oc1..a"
metadata_url = "http://127.0.0.1:9/opc/v2"
END
mkdir -p /var/lib/vcnd /run/vcnd
vcnd 2>/tmp/log & daemon=$!
until [ -S {layout.SOCKET} ]; do
    sleep 0.1
    kill -0 $daemon || {{ cat /tmp/log; exit 1; }}
done
echo '{{"cniVersion":"1.1.0","name":"vcnd"}}' |
    CNI_COMMAND=STATUS {layout.PLUGIN} || true
echo
vcndctl status --json
kill $daemon
wait $daemon || true
"""


class Node:
    """A root file system whose changes are kept from one command to the next."""

    def __init__(self, folder: Path, package: Path) -> None:
        self._folder = folder
        for name in ("upper", "work", "root"):
            (folder / name).mkdir(parents=True)
        (folder / "upper/tmp").mkdir()
        shutil.copy(package, folder / "upper/tmp/vcnd.deb")

    def run(self, script: str) -> str:
        """Run a script there; return what it prints."""
        root = str(rootfs.service(CACHE))
        done = subprocess.run(
            [*UNSHARE, root, str(self._folder), script],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout


def built(folder: Path, machine: Machine) -> Path:
    commit = source.current(ROOT)
    tree = folder / "tree"
    tree.mkdir(parents=True)
    source.export(ROOT, commit, tree)
    wheels.build(
        tree,
        *("-t", "wheel", "-d", str(folder)),
        seconds=commit.seconds,
        machine=machine,
    )
    (wheel,) = folder.glob("*.whl")
    seconds = commit.seconds
    return debian.build(CACHE, tree, wheel, machine=machine, seconds=seconds)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return built(tmp_path_factory.mktemp("package") / "one", here())
    except BuildError as error:
        pytest.skip(str(error))


def test_second_build_of_a_package_has_the_same_bytes(
    package: Path, tmp_path: Path
) -> None:
    again = built(tmp_path / "two", here())
    assert again.read_bytes() == package.read_bytes()


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.name)
def test_package_holds_programs_of_its_machine_alone(
    machine: Machine, package: Path, tmp_path: Path
) -> None:
    if not machine.is_here:
        if missing := machine.lacks():
            pytest.skip(missing)
        package = built(tmp_path / "built", machine)
    told = subprocess.run(
        ["/usr/bin/dpkg-deb", "-f", str(package), "Architecture"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == machine.debian
    subprocess.run(
        ["/usr/bin/dpkg-deb", "-x", str(package), str(tmp_path / "x")], check=True
    )
    files = [p for p in (tmp_path / "x").rglob("*") if p.is_file()]
    found = {elf_machine(path.read_bytes()) for path in files}
    assert found == {None, machine.elf, BPF}


def test_lintian_finds_no_error(package: Path) -> None:
    lintian = shutil.which("lintian")
    if lintian is None:
        pytest.skip("no lintian: apt-get install lintian")
    done = subprocess.run(
        [lintian, "--allow-root", "--fail-on", "error", str(package)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_package_is_installed_runs_and_leaves_nothing(
    package: Path, tmp_path: Path
) -> None:
    skip_unless_roots_can_be_made()
    node = Node(tmp_path / "node", package)
    before = node.run(LISTED)
    node.run("dpkg -i /tmp/vcnd.deb")
    installed = set(node.run(LISTED).splitlines()) - set(before.splitlines())
    units = {f"/lib/systemd/system/{unit}" for unit in debian.UNITS}
    assert {layout.PLUGIN, layout.SYSCTLS, debian.CONFIGURATION} <= installed
    assert units <= {re.sub("^/usr", "", path) for path in installed}
    assert "/etc/cni" not in installed  # no runtime uses it before it is configured
    assert any(path.endswith(".pyc") for path in installed)
    node.run(f"systemd-analyze verify {' '.join(sorted(units))}")
    node.run("getent passwd vcnd vcnd-policy && vcnd --version && vcndctl --help")

    answer, status = node.run(STARTED).strip().split("\n", 1)
    assert json.loads(answer)["code"] == 50  # it listens, and has no address yet
    assert json.loads(status)["pool"]["free"] == 0

    # An upgrade asks nothing, and keeps what was changed.
    node.run("dpkg -i --force-confold /tmp/vcnd.deb </dev/null")
    assert "ocid1.subnet.oc1..a" in node.run(f"cat {debian.CONFIGURATION}")
    node.run("dpkg --remove vcnd")
    assert "ocid1.subnet.oc1..a" in node.run(f"cat {debian.CONFIGURATION}")
    node.run("dpkg --purge vcnd")
    left = set(node.run(LISTED).splitlines()) - set(before.splitlines()) - OF_PASSWD
    assert left == set()
    assert "vcnd" not in node.run("cat /etc/passwd /etc/group")
