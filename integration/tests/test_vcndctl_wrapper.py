"""``/usr/local/bin/vcndctl`` of a node: it runs in the root of the version's tree."""

import subprocess
import sys
from pathlib import Path

import pytest

from vcnd.install import layout

ROOT = Path(__file__).parents[2]
SCRIPT = f"""
set -e
mount -t tmpfs tmpfs "$1" && mkdir "$1/upper" "$1/work" "$1/tree" "$1/caller"
mount -t overlay none -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/tree"
printf '#!/bin/sh\\ncd {ROOT} && exec {sys.executable} -m vcnd.ctl "$@"\\n' \
    >"$1/tree/usr/bin/vcndctl"
chmod 755 "$1/tree/usr/bin/vcndctl"
mount -t tmpfs tmpfs /run && mkdir /run/vcnd
printf 'RootDirectory=%s/tree\\n' "$1" >/run/version.conf
printf 'kind: Pod\\n' >"$1/caller/p.yaml"
cd "$1/caller"
"""
"""The tree is this machine's root without the caller's file system."""


def run(folder: Path, asking: str) -> subprocess.CompletedProcess[str]:
    """Run a shell's text in a mount namespace where ``$2`` is the wrapper."""
    text = layout.CONTROL_TEXT.replace(layout.VERSION_DROP_IN, "/run/version.conf")
    wrapper = folder.parent / "wrapper"
    wrapper.write_text(text)
    shell = ["/bin/sh", "-c", f"{SCRIPT} {asking}", "sh", str(folder), str(wrapper)]
    return subprocess.run(
        ["/usr/bin/unshare", "--mount", *shell],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "file", ["p.yaml", "../caller/p.yaml", "$1/caller/p.yaml", "-"]
)
def test_a_file_is_the_callers(tmp_path: Path, file: str) -> None:
    done = run(tmp_path, f'sh "$2" policy dry-run "{file}" <p.yaml')
    assert done.returncode == 1
    name = file.replace("$1", str(tmp_path))
    assert done.stderr.startswith(f"vcndctl: {name}: line 1: kind: Pod of None")


@pytest.mark.parametrize("file", ["b.tar.gz", "$1/caller/b.tar.gz"])
def test_a_bundle_has_the_callers_system(tmp_path: Path, file: str) -> None:
    marked = 'echo of-the-tree >"$1/tree/etc/os-release"'
    reading = 'stat -c %a b.tar.gz; tar -xzOf b.tar.gz "versions/system"'
    done = run(tmp_path, f'{marked}; sh "$2" bundle "{file}" || code=$?; {reading}')
    lines = done.stdout.splitlines()
    assert f"{file.replace('$1', str(tmp_path))} is written" in done.stdout, done.stderr
    assert "600" in lines, done.stdout
    assert lines[lines.index("600") + 1 :] == (
        Path("/etc/os-release").read_text().splitlines()
    )
