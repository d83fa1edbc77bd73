"""``vcndctl sweep``: what it prints, and how it ends."""

from pathlib import Path
from random import Random

import click
import pytest
import trio
from click.testing import CliRunner
from msgspec.structs import replace

from sim.kubernetes.server import ApiServer
from tests.kubeconfig import client_of
from vcnd import ctl
from vcnd.ctl.sweep import chosen, describe, told
from vcnd.ctl.sweep_reading import SweepError, node_instances
from vcnd.model.leftovers import LeftCause, Leftover, SweepReport

Clock = trio.testing.MockClock
INSTANCE = "ocid1.instance.oc1.iad.abc"
REPORT = SweepReport(
    cluster="shop",
    nodes=3,
    vnics=4,
    leftovers=(
        Leftover(
            id="ocid1.vnic.a",
            cause=LeftCause.NO_NODE,
            instance_id=INSTANCE,
            subnet_id="ocid1.subnet.a",
            addresses=("10.1.0.5", "10.1.0.16/28"),
        ),
        Leftover(
            id="ocid1.privateip.b",
            cause=LeftCause.UNUSED,
            instance_id="",
            subnet_id="ocid1.subnet.a",
            addresses=("10.1.0.9",),
            fixed="shop/db\x1b",
        ),
    ),
    unread={"Ipv6s of ocid1.vnic.a": "404"},
)
NEEDED = ["sweep", "--cluster=shop", "--compartment=ocid1.compartment.c"]


async def test_nodes_tell_their_instances(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    server = ApiServer(random=Random(1))
    for name, provider in (("a", f"oci://{INSTANCE}"), ("b", "kind://docker/b")):
        body = {"metadata": {"name": name}, "spec": {"providerID": provider}}
        server.make("/api/v1/nodes", body)
    client = client_of(server, tmp_path)
    assert await node_instances(client) == {INSTANCE}
    await client.aclose()


async def test_cluster_whose_nodes_name_no_instance_is_refused(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    server = ApiServer(random=Random(1))
    server.make("/api/v1/nodes", {"metadata": {"name": "a"}})
    client = client_of(server, tmp_path)
    with pytest.raises(SweepError, match="is it the right cluster"):
        await node_instances(client)
    await client.aclose()


def test_each_object_is_named_with_its_remedy() -> None:
    assert describe(REPORT).splitlines()[1:6] == [
        f"left      VNIC ocid1.vnic.a of {INSTANCE}: no_node",
        "          10.1.0.5 10.1.0.16/28",
        "          to remove it: oci compute instance detach-vnic"
        " --vnic-id ocid1.vnic.a --compartment-id …",
        "left      fixed address shop/db\x1b ocid1.privateip.b: unused",
        "          10.1.0.9",
    ]


NO_NODE, FIXED = REPORT.leftovers
GONE = replace(NO_NODE, id="ocid1.vnic.c", cause=LeftCause.INSTANCE_GONE)
ALL = replace(REPORT, leftovers=(NO_NODE, GONE, FIXED))


@click.command()
@click.option("--yes", is_flag=True)
@click.option("--gone", is_flag=True)
def choosing(*, yes: bool, gone: bool) -> None:
    click.echo(" ".join(chosen(ALL, yes=yes, gone=gone)))


@pytest.mark.parametrize(
    ("options", "answers", "found"),
    [
        ([], "y\ny\n", [GONE, FIXED, NO_NODE]),
        ([], "y\nn\n", [GONE, FIXED]),
        ([], "n\ny\n", [NO_NODE]),
        ([], "\n\n", []),
        ([], "", []),
        (["--yes"], "", [GONE, FIXED]),
        (["--yes", "--gone"], "", [GONE, FIXED, NO_NODE]),
    ],
)
def test_only_what_is_confirmed_is_removed(
    options: list[str], answers: str, found: list[Leftover]
) -> None:
    done = CliRunner().invoke(choosing, options, input=answers)
    assert done.stdout.split() == [x.id for x in found]


def test_each_instance_that_lives_is_asked_about() -> None:
    done = CliRunner().invoke(choosing, [], input="n\nn\n")
    assert "Remove 2 that no instance uses?" in done.stderr
    assert f"Detach VNIC {NO_NODE.id} of instance {INSTANCE}, which lives?" in (
        done.stderr
    )


def test_outcome_of_each_object_is_told() -> None:
    done = replace(
        ALL, leftovers=(NO_NODE, GONE), removed=(FIXED,), kept={GONE.id: "412"}
    )
    assert told(done).splitlines() == [
        f"removed   {FIXED.fixed} {FIXED.id}",
        f"left      VNIC {NO_NODE.id}: not confirmed",
        f"left      VNIC {GONE.id}: 412",
    ]


@pytest.mark.parametrize(
    ("options", "code", "why"),
    [
        (["sweep"], 2, "--cluster"),
        (NEEDED, 2, "say --cluster-gone"),
        ([*NEEDED, "--kubeconfig=/no", "--cluster-gone"], 2, "say --cluster-gone"),
        ([*NEEDED, "--kubeconfig=/no"], 1, "/no"),
        ([*NEEDED, "--cluster-gone", "--config-file=/no"], 1, "/no [DEFAULT]"),
    ],
)
def test_command_that_cannot_ask_says_why(
    options: list[str], code: int, why: str
) -> None:
    done = CliRunner().invoke(ctl.main, options)
    assert done.exit_code == code, done.output
    assert why in done.output
