"""A project outside the repository tests with ``mock_oci()`` from the wheel."""

import shutil
from pathlib import Path

from integration import locked
from integration.outside.wheels import build, environment, install, run

PROJECT = Path(__file__).with_name("project")


def test_the_suite_of_a_project_passes_with_the_installed_wheel(tmp_path: Path) -> None:
    lock = PROJECT / "requirements.txt"
    packages = locked.install("outside", lock)
    python = environment(tmp_path / "venv")
    install(python, "--no-deps", str(build("fakeoci", tmp_path / "wheel")))
    told = run(str(python), "-c", "import site; print(site.getsitepackages()[0])")
    Path(told.strip(), "dependencies.pth").write_text(f"{packages}\n")
    suite = tmp_path / "project"
    shutil.copytree(PROJECT, suite, ignore=shutil.ignore_patterns("__pycache__"))
    told = run(str(python), "-m", "pytest", "-q", cwd=suite, path=python.parent)
    assert " passed" in told
