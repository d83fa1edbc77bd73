"""The wheels have the right files, and fakeoci's can be installed anywhere."""

import re
import shutil
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from integration.outside.wheels import (
    ROOT,
    InstallError,
    build,
    environment,
    install,
    run,
)

SCRIPT = """
import httpx2
from fakeoci.mock import mock_oci
from fakeoci.world import worldfile

for name in worldfile.BUNDLED:
    worldfile.parse(worldfile.bundled(name))
with mock_oci() as service:
    service.world.settings.behaviour.verify_signatures = False
    answer = httpx2.get(
        "https://iaas.us-ashburn-1.oraclecloud.com/20160918/vcns",
        params={"compartmentId": service.world.compartment_id},
    )
print(answer.status_code, len(answer.json()))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("fakeoci", tmp_path_factory.mktemp("wheel"))


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def _requirements(wheel: Path) -> list[str]:
    return [str(r) for r in _metadata(wheel).get_all("Requires-Dist", [])]


def test_the_fakes_wheel_is_pure_python_and_holds_the_fake_alone(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    sources = [*(ROOT / "fakeoci").rglob("*.py"), *(ROOT / "fakeoci").rglob("*/*.toml")]
    sources += (ROOT / "fakeoci/console/page").iterdir()
    expected = {str(path.relative_to(ROOT)) for path in sources}
    with zipfile.ZipFile(wheel) as archive:
        held = {n for n in archive.namelist() if ".dist-info/" not in n}
    assert held == expected | {"fakeoci/py.typed", "fakeoci/__init__.pyi"}


def test_the_fakes_wheel_has_its_own_licence_and_text(wheel: Path) -> None:
    metadata = _metadata(wheel)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert str(metadata.get_payload()).startswith("# fakeoci")


def test_the_daemons_wheel_names_its_licence_and_holds_the_text(tmp_path: Path) -> None:
    wheel = build("vcnd", tmp_path)
    metadata = _metadata(wheel)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/licenses/LICENSE"))
        assert archive.read(name) == (ROOT / "fakeoci" / "LICENSE").read_bytes()


def test_the_fakes_wheel_needs_no_package_of_the_daemon(wheel: Path) -> None:
    named = {re.split(r"[^\w-]", r)[0] for r in _requirements(wheel)}
    assert {"starlette", "trio"} <= named
    assert named & {"vcnd", "pyyaml", "rich"} == set()


def test_the_daemons_wheel_holds_what_is_compiled_and_no_fake(tmp_path: Path) -> None:
    with zipfile.ZipFile(build("vcnd", tmp_path)) as archive:
        names = archive.namelist()
        (entries,) = (n for n in names if n.endswith("entry_points.txt"))
        assert b"fakeoci" not in archive.read(entries)
    assert {"vcnd/_shim/vcnd-cni", "vcnd/_bpf/express.o"} <= {*names}
    assert [n for n in names if n.startswith("fakeoci")] == []


def test_the_daemons_wheel_is_built_without_clang(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    ignored = shutil.ignore_patterns(".*", "node_modules", "__pycache__", "_bpf")
    shutil.copytree(ROOT, copy, ignore=ignored)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("cc", "as", "ld"):
        (programs / name).symlink_to(shutil.which(name) or name)
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel")
    run(*command, "-d", str(tmp_path), cwd=copy, path=programs)
    (made,) = tmp_path.glob("vcnd-*.whl")
    with zipfile.ZipFile(made) as archive:
        assert "vcnd/_bpf/express.o" not in archive.namelist()


def test_a_checkout_installs_without_a_compiler(wheel: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "venv")
    install(python, str(ROOT / "fakeoci"))
    _works(python, _metadata(wheel)["Version"], tmp_path)


def test_the_lowest_versions_that_it_allows_are_enough(
    wheel: Path, tmp_path: Path
) -> None:
    lowest = [r.split(";")[0].replace(">=", "==") for r in _requirements(wheel)]
    assert all("==" in r for r in lowest)
    constraints = tmp_path / "lowest.txt"
    constraints.write_text("\n".join(lowest))
    python = environment(tmp_path / "venv")
    install(python, "--only-binary=:all:", "-c", str(constraints), str(wheel))
    _works(python, _metadata(wheel)["Version"], tmp_path)


def _works(python: Path, version: str, directory: Path) -> None:
    """Check that the installed fakeoci works outside the checkout."""
    told = run(str(python.with_name("fakeoci")), "--version", cwd=directory)
    assert told == f"fakeoci, version {version}\n"
    isolated = (str(python), "-I", "-c")
    assert run(*isolated, SCRIPT, cwd=directory, path=python.parent) == "200 2\n"
    with pytest.raises(InstallError, match="No module named 'vcnd'"):
        run(*isolated, "import vcnd", cwd=directory)
