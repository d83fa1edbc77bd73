"""Policies of files, as they change."""

import os
from pathlib import Path

import pytest
import trio

from tests.odd_yaml import NO_VALUES
from vcnd.kube.policy.files import LOOK_SECONDS, PolicyFiles
from vcnd.model.policy import Cluster

POD = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
status: {podIPs: [{ip: 10.0.0.9}]}
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {}}
"""
HERE = {("default", "web"): ("10.0.0.5",)}


async def settle() -> None:
    await trio.sleep(2 * LOOK_SECONDS)


def known(files: PolicyFiles) -> Cluster:
    found = files.cluster({})
    assert found is not None
    return found


async def test_files_are_read_again_when_they_change(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: trio.abc.Clock
) -> None:
    (tmp_path / "pods.yaml").write_text(POD)
    (tmp_path / "notes.txt").write_text("no YAML: [")
    files = PolicyFiles(tmp_path)
    assert files.cluster({}) is None
    await nursery.start(files.run)
    await files.until_changed()
    (web,) = known(files).pods
    assert web.uid == ""  # of a link, the runtime told another one
    assert web.addresses == ("10.0.0.9",)
    assert known(files).namespaces == {
        "default": {"kubernetes.io/metadata.name": "default"}
    }
    assert not known(files).policies
    (tmp_path / "policy.yaml").write_text(POLICY)
    await files.until_changed()
    (policy,) = known(files).policies
    assert str(policy.ref) == "default/closed"
    (tmp_path / "policy.yaml").unlink()
    await files.until_changed()
    assert not known(files).policies


async def test_the_node_knows_its_own_pods_addresses_best(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: trio.abc.Clock
) -> None:
    (tmp_path / "pods.yaml").write_text(POD)
    files = PolicyFiles(tmp_path)
    await nursery.start(files.run)
    await files.until_changed()
    found = files.cluster(HERE)
    assert found is not None
    assert found.pods[0].addresses == ("10.0.0.5",)


@pytest.mark.parametrize("text", ["kind: [", *(f"kind: {odd}" for odd in NO_VALUES)])
async def test_a_file_that_turns_bad_stays_as_it_was(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: trio.abc.Clock, text: str
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    files = PolicyFiles(tmp_path)
    await nursery.start(files.run)
    await files.until_changed()
    path.write_text(text)
    await settle()
    assert len(known(files).policies) == 1


async def test_nothing_is_known_before_each_file_could_be_read(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: trio.abc.Clock
) -> None:
    directory = tmp_path / "policies"
    files = PolicyFiles(directory)
    await nursery.start(files.run)
    await settle()
    assert files.cluster({}) is None
    directory.mkdir()
    (directory / "pods.yaml").write_text(POD)
    (directory / "policy.yaml").write_text("kind: [")
    await settle()
    assert files.cluster({}) is None
    (directory / "policy.yaml").write_text(POLICY)
    await settle()
    assert len(known(files).policies) == 1


async def test_the_report_names_files_that_could_not_be_read(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: trio.abc.Clock
) -> None:
    (tmp_path / "pods.yaml").write_text(POD)
    broken = tmp_path / "policy.yaml"
    broken.write_text("kind: [")
    files = PolicyFiles(tmp_path)
    await nursery.start(files.run)
    await settle()
    report = files.report()
    assert not report.synced
    assert [x.kind for x in report.awaited] == [str(broken)]
    broken.write_text(POLICY)
    await settle()
    report = files.report()
    assert (report.synced, report.pods, report.policies) == (True, 1, 1)


async def test_a_fifo_or_a_file_without_end_holds_nobody(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: trio.abc.Clock
) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").symlink_to("/dev/zero")
    with (tmp_path / "c.yaml").open("wb") as file:
        file.truncate(1 << 40)
    (tmp_path / "d.yaml").write_text(POLICY)
    files = PolicyFiles(tmp_path)
    await nursery.start(files.run)
    await files.until_changed()
    report = files.report()
    assert [Path(x.kind).name for x in report.awaited] == ["a.yaml", "b.yaml", "c.yaml"]
    assert report.policies == 1
    for name in "abc":
        (tmp_path / f"{name}.yaml").unlink()
    await files.until_changed()
    assert len(known(files).policies) == 1
