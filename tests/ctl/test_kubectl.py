"""``kubectl vcnd`` finds the node and executes vcndctl there, by the user's kubectl."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from vcnd.ctl.exits import Exit
from vcnd.ctl.kubectl import main, pod_of

KUBECTL = """#!/bin/sh
printf '%s\\n' "$*" >> {log}
case "$*" in
    *"get pods"*) cat {keepers} ;;
    *"get pod "*) cat {pod} ;;
    *"get events "*) cat {events} || exit 1 ;;
    *" exec "*) cat {answer}; exit 3 ;;
esac
"""


def pod(name: str, node: str, phase: str = "Running") -> dict[str, Any]:
    spec = {"nodeName": node} if node else {}
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}"},
        "spec": spec,
        "status": {"phase": phase},
    }


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubectl in PATH that logs its calls, of a cluster with two nodes."""
    keepers = [
        pod("vcnd-a", "one"),
        pod("vcnd-b", "two"),
        pod("vcnd-c", "three", "Pending"),
    ]
    (tmp_path / "keepers").write_text(json.dumps({"items": keepers}))
    (tmp_path / "pod").write_text(json.dumps(pod("web", "two")))
    (tmp_path / "events").write_text(json.dumps({"items": []}))
    (tmp_path / "answer").write_text('{"pods": []}\n')
    names = {x: tmp_path / x for x in ("log", "keepers", "pod", "events", "answer")}
    program = tmp_path / "kubectl"
    program.write_text(KUBECTL.format(**names))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return names["log"]


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def test_command_runs_on_the_node_that_is_named(log: Path) -> None:
    done = run("--context", "lab", "--node", "one", "status", "--json")
    assert done.exit_code == 3  # the command's own
    assert log.read_text().splitlines() == [
        "--context lab get pods -n kube-system -l app.kubernetes.io/name=vcnd -o json",
        "--context lab -n kube-system exec -i vcnd-a -c install --"
        " chroot /host /usr/local/bin/vcndctl status --json",
    ]


def test_command_about_a_pod_runs_on_its_node(log: Path) -> None:
    assert run("-n", "shop", "explain", "web", "--json").exit_code == 3
    first, second, _, last = log.read_text().splitlines()
    assert first == "get pod web --ignore-not-found -n shop -o json"
    assert second == (
        "get events --field-selector involvedObject.kind=Pod,involvedObject.name=web"
        " -n shop -o json"
    )
    assert " vcnd-b " in last
    assert last.endswith("vcndctl explain shop/web --json")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["status"], "say which node: --node NAME; those with vcnd: one, two"),
        (["--node", "three", "status"], "runs on node three"),
        (["--node", "nine", "status"], "nodes with vcnd: one, two"),
    ],
)
def test_node_without_vcnd_is_told(log: Path, words: list[str], reason: str) -> None:
    done = run(*words)
    assert done.exit_code == Exit.DOWN
    assert reason in done.output
    assert " exec " not in log.read_text()


def test_pod_without_a_node_is_told(log: Path) -> None:
    (log.parent / "pod").write_text(json.dumps(pod("web", "")))
    done = run("explain", "shop/web")
    assert done.exit_code == Exit.DOWN
    assert "pod shop/web is bound to no node yet" in done.output


def event(seconds_ago: float, **fields: Any) -> dict[str, Any]:
    """Return an Event as the kubelet posts it."""
    last = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return {
        "metadata": {"name": "web.1"},
        "involvedObject": {"kind": "Pod", "name": "web", "uid": "uid-web"},
        "type": "Warning",
        "reason": "FailedCreatePodSandBox",
        "message": "no address",
        "source": {"component": "kubelet", "host": "two"},
        "lastTimestamp": last.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventTime": None,
        "count": 7,
        **fields,
    }


SCHEDULED = {
    "type": "Normal",
    "reason": "Scheduled",
    "message": "assigned",
    "source": {"component": "default-scheduler"},
    "count": None,
}
SERIES = {
    "type": "Warning",
    "reason": "FailedScheduling",
    "message": "0/3 nodes\x1b[2J",
    "source": {},
    "reportingComponent": "default-scheduler",
    "reportingInstance": "scheduler-0",
    "lastTimestamp": None,
    "count": None,
    "series": {"count": 4, "lastObservedTime": "2026-01-01T00:00:00.000000Z"},
}


def put_events(log: Path, *events: dict[str, Any]) -> None:
    (log.parent / "events").write_text(json.dumps({"items": events}))


def test_warnings_are_shown_with_age_and_count(log: Path) -> None:
    put_events(log, event(9, **SCHEDULED), event(99, **SERIES), event(120))
    done = run("explain", "shop/web")
    assert done.exit_code == 3
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert "2 min ago 7 times kubelet FailedCreatePodSandBox no address" in lines
    assert "Scheduled" not in done.output
    scheduling = r"4 times default-scheduler FailedScheduling 0/3 nodes\x1b[2J"
    assert any(line.endswith(scheduling) for line in lines)


def test_events_of_an_earlier_pod_of_the_name_say_so(log: Path) -> None:
    put_events(log, event(5, involvedObject={"uid": "uid-old"}))
    assert "(an earlier pod of this name)" in run("explain", "shop/web").output


def test_pod_without_warnings_says_so(log: Path) -> None:
    assert "no Event warns of this pod" in run("explain", "shop/web").output


def test_events_are_beside_the_pods_in_json(log: Path) -> None:
    put_events(log, event(5))
    answer = json.loads(run("explain", "shop/web", "--json").output)
    assert answer["pods"] == []
    (found,) = answer["events"]
    assert (found["reason"], found["count"]) == ("FailedCreatePodSandBox", 7)
    assert (found["source"], found["host"]) == ("kubelet", "two")
    assert answer["events_unread"] == ""


def test_refusal_of_the_node_stays_as_it_is(log: Path) -> None:
    (log.parent / "answer").write_text("no JSON\n")
    assert run("explain", "shop/web", "--json").output == "no JSON\n"


def test_events_that_cannot_be_read_cost_no_answer(log: Path) -> None:
    (log.parent / "events").unlink()
    done = run("explain", "shop/web")
    assert done.exit_code == 3
    assert "Events could not be read: kubectl get events" in done.output
    put_events(log, event(5, count="many"))
    assert "Events could not be read: Expected" in run("explain", "shop/web").output


def test_pod_that_is_gone_is_explained_on_its_node(log: Path) -> None:
    (log.parent / "pod").write_text("")
    put_events(log, event(50), event(40, **SCHEDULED))
    done = run("-n", "shop", "explain", "web")
    assert done.exit_code == 3
    last = log.read_text().splitlines()[-1]
    assert " vcnd-b " in last
    assert last.endswith("explain shop/web")
    assert "FailedCreatePodSandBox" in done.output


def test_pod_that_never_was_is_told(log: Path) -> None:
    (log.parent / "pod").write_text("")
    done = run("explain", "shop/web")
    assert done.exit_code == Exit.DOWN
    assert "there is no pod shop/web; if it was there, say its node" in done.output
    done = run("path", "shop/web", "10.0.0.1")
    assert (done.exit_code, "there is no pod" in done.output) == (Exit.DOWN, True)


def test_events_of_a_pod_without_a_node_are_shown(log: Path) -> None:
    (log.parent / "pod").write_text(json.dumps(pod("web", "")))
    put_events(log, event(99, **SERIES))
    done = run("explain", "shop/web")
    assert done.exit_code == Exit.DOWN
    assert "FailedScheduling" in done.output
    assert "is bound to no node yet" in done.output


def test_watch_leaves_the_terminal_to_the_node(log: Path) -> None:
    run("explain", "shop/web", "--watch")
    assert "get events" not in log.read_text()


def test_cluster_that_cannot_be_reached_is_told(log: Path) -> None:
    program = log.parent / "kubectl"
    program.write_text("#!/bin/sh\necho 'connection refused' >&2; exit 1\n")
    done = run("--node", "one", "status")
    assert done.exit_code == Exit.DOWN
    assert "kubectl get pods: connection refused" in done.output


@pytest.mark.parametrize("printed", ["a warning", "[1]", "\\377"])
def test_what_is_no_json_object_is_told(log: Path, printed: str) -> None:
    program = log.parent / "kubectl"
    program.write_text(f"#!/bin/sh\nprintf '{printed}'\n")
    done = run("--node", "one", "status")
    assert done.exit_code == Exit.DOWN
    assert "kubectl get pods printed no JSON object: " in done.output


ODD = (
    '{"kind": "Status"}',
    '{"items": [1]}',
    '{"items": [{"metadata": null}]}',
    '{"items": [{"metadata": {"name": "x"}, "spec": []}]}',
)


@pytest.mark.parametrize("printed", ODD)
def test_pods_of_another_form_are_told(log: Path, printed: str) -> None:
    (log.parent / "keepers").write_text(printed)
    done = run("--node", "one", "status")
    assert done.exit_code == Exit.DOWN
    assert "kubectl printed something else than pods: " in done.output


@pytest.mark.parametrize(
    "printed",
    [
        '{"items": null}',
        '{"items": [{"metadata": {}, "status": {"phase": "Running"}}]}',
    ],
)
def test_keepers_that_run_nowhere_are_none(log: Path, printed: str) -> None:
    (log.parent / "keepers").write_text(printed)
    done = run("--node", "one", "status")
    assert done.exit_code == Exit.DOWN
    assert "nodes with vcnd: none" in done.output


@pytest.mark.parametrize("printed", ['{"kind": "x"}', '{"metadata": {"uid": 1}}'])
def test_a_pod_of_another_form_is_told(log: Path, printed: str) -> None:
    (log.parent / "pod").write_text(printed)
    done = run("path", "shop/web", "10.0.0.1")
    assert done.exit_code == Exit.DOWN
    assert "kubectl printed something else than pods: " in done.output


def test_missing_kubectl_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    done = run("--node", "one", "status")
    assert done.exit_code == Exit.DOWN
    assert "no kubectl in PATH" in done.output


@pytest.mark.parametrize(
    ("words", "at"),
    [
        (["explain", "web"], 1),
        (["path", "web", "10.0.0.1"], 1),
        (["policy", "explain", "a", "b", "80"], 2),
        (["policy", "status"], None),
        (["status"], None),
        (["explain"], None),
        (["explain", "--json"], None),
    ],
)
def test_place_of_the_pod_is_known(words: list[str], at: int | None) -> None:
    assert pod_of(words) == at
