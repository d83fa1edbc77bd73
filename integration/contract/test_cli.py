"""The ``oci`` command as users type it, with the folder that fakeoci writes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakeoci import oci_folder
from integration.contract import sdk
from integration.contract.cloud import Cloud
from integration.contract.judges import LANGUAGES

CLI = next(one for one in LANGUAGES if one.name == "cli")


@pytest.fixture(params=["http", "https"])
def environment(
    request: pytest.FixtureRequest, cloud: Cloud, tmp_path: Path
) -> dict[str, str]:
    if not CLI.present:
        pytest.skip("cli: it is not installed")
    tls_url = cloud.tls_url if request.param == "https" else ""
    oci_folder.write(tmp_path, cloud.service, cloud.url, tls_url)
    exports = (tmp_path / "env").read_text().splitlines()[1:]
    pairs = (line.removeprefix("export ").partition("=") for line in exports)
    return {
        **os.environ,
        **{name: value for name, _, value in pairs},
        "OCI_METADATA_BASE_URL": f"{cloud.instance_url}/opc/v2",
        "PYTHONPATH": f"{CLI.place() / 'site-packages'}:{sdk.place()}",
    }


def oci(environment: dict[str, str], *words: str) -> Any:
    program = CLI.place() / "site-packages" / "bin" / "oci"
    command = [sys.executable, str(program), *words]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)["data"]


def test_the_first_command_of_the_documentation(environment: dict[str, str]) -> None:
    listed = oci(environment, "compute", "vnic-attachment", "list")
    assert {one["lifecycle-state"] for one in listed} == {"ATTACHED"}


def test_an_instance_lists_its_attachments(
    environment: dict[str, str], cloud: Cloud
) -> None:
    words = ("--auth", "instance_principal", "compute", "vnic-attachment", "list")
    assert oci(environment, *words)
    assert ".instance." in cloud.service.records[-1].principal


def test_all_pages_are_one_list(environment: dict[str, str], cloud: Cloud) -> None:
    words = ("network", "subnet", "list", "--all", "--page-size", "1")
    listed = oci(environment, *words)
    assert len(listed) == len({one["id"] for one in listed}) > 1
    asked = [r.operation for r in cloud.service.records]
    assert asked.count("ListSubnets") >= len(listed)
