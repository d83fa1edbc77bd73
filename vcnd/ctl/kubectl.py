"""``kubectl vcnd``: vcndctl of any node, from outside the cluster.

It runs the user's own kubectl, so that the user's rights count: the keeper's pod of the
node (``deploy/base/daemonset.yaml``) is found, and vcndctl is executed in the node's
tree, which that pod has at /host.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, TypeVar

import click
import msgspec

from vcnd.ctl import pod_events, screen
from vcnd.ctl.exits import Exit
from vcnd.ctl.pod_events import PodEvents
from vcnd.ctl.telling import plain, show_json
from vcnd.foreign import UNDECODABLE

T = TypeVar("T")

KEEPERS = "app.kubernetes.io/name=vcnd"
CONTAINER = "install"
ON_THE_NODE = ("chroot", "/host", "/usr/local/bin/vcndctl")
SECONDS = 30.0
"""How long kubectl may take to read from the API server."""
POD_AT = {
    ("explain",): 1,
    ("path",): 1,
    ("policy", "show"): 2,
    ("policy", "explain"): 2,
}
"""Commands about one pod, and the position of its name among the words."""


EXPLAIN = "explain"
POD_EVENTS = "involvedObject.kind=Pod,involvedObject.name={}"


class KubectlError(Exception):
    """The cluster, or a node of it, cannot be asked; says why."""


class _Metadata(msgspec.Struct, frozen=True):
    name: str = ""
    namespace: str = ""
    uid: str = ""


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    node_name: str | None = None


class _Status(msgspec.Struct, frozen=True):
    phase: str = ""


class _PodObject(msgspec.Struct, frozen=True):
    """A pod of the API: the fields that are read."""

    metadata: _Metadata
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _PodList(msgspec.Struct, frozen=True):
    items: list[_PodObject] | None


class Pod(msgspec.Struct, frozen=True, kw_only=True):
    """A pod that there is."""

    full_name: str
    uid: str
    node: str
    """Empty: it is bound to none."""


class Kubectl(msgspec.Struct, frozen=True, kw_only=True):
    """The user's kubectl, with the options that choose a cluster."""

    program: str
    options: tuple[str, ...] = ()

    def get(self, *arguments: str) -> dict[str, Any]:
        """Return what ``kubectl get`` prints as JSON.

        Raises:
            KubectlError: it refused, or took too long.
        """
        command = [self.program, *self.options, "get", *arguments, "-o", "json"]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise KubectlError(
                f"the API server did not answer kubectl within {SECONDS:g} s"
            ) from None
        if done.returncode:
            raise KubectlError(f"kubectl get {arguments[0]}: {done.stderr.strip()}")
        try:
            return msgspec.json.decode(done.stdout or "{}", type=dict[str, Any])
        except UNDECODABLE as error:
            raise KubectlError(
                f"kubectl get {arguments[0]} printed no JSON object: {error}"
            ) from error

    def execute(
        self, namespace: str, pod: str, command: Sequence[str], *, kept: bool = False
    ) -> tuple[int, str]:
        """Run a command in a keeper's pod; return its exit code, and what it prints.

        Args:
            namespace: the pod's.
            pod: the keeper's.
            command: the command.
            kept: keep what it prints; else it has this terminal.
        """
        is_terminal = sys.stdin.isatty() and sys.stdout.isatty() and not kept
        tty = ("-t",) if is_terminal else ()
        where = ("-n", namespace, "exec", "-i", *tty, pod, "-c", CONTAINER, "--")
        done = subprocess.run(
            [self.program, *self.options, *where, *command],
            stdout=subprocess.PIPE if kept else None,
            text=True,
            errors="replace",
            check=False,
        )
        return done.returncode, done.stdout or ""


def pod_of(words: Sequence[str]) -> int | None:
    """Return at which word of a command a pod's name stands; None: at none."""
    for verb, at in POD_AT.items():
        if tuple(words[: len(verb)]) == verb and len(words) > at:
            return None if words[at].startswith("-") else at
    return None


def keeper_on(kubectl: Kubectl, namespace: str, node: str) -> str:
    """Return the name of the keeper's pod on a node.

    Raises:
        KubectlError: there is none that runs.
    """
    found = _as(_PodList, kubectl.get("pods", "-n", namespace, "-l", KEEPERS))
    running = {
        pod.spec.node_name: pod.metadata.name
        for pod in found.items or ()
        if pod.status.phase == "Running" and pod.spec.node_name
    }
    if node in running:
        return running[node]
    there = ", ".join(sorted(running)) or "none"
    if not node:
        raise KubectlError(f"say which node: --node NAME; those with vcnd: {there}")
    raise KubectlError(
        f"no pod of the DaemonSet vcnd runs on node {node} in namespace {namespace};"
        f" nodes with vcnd: {there}"
    )


def pod_named(kubectl: Kubectl, namespace: str, pod: str) -> Pod | None:
    """Return a pod; None: there is none of that name.

    Raises:
        KubectlError: the cluster cannot be asked.
    """
    given, _, name = pod.rpartition("/")
    found = kubectl.get("pod", name, "--ignore-not-found", *_in(given or namespace))
    if not found:
        return None
    there = _as(_PodObject, found)
    return Pod(
        full_name=f"{there.metadata.namespace}/{name}",
        uid=there.metadata.uid,
        node=there.spec.node_name or "",
    )


def _as(kind: type[T], found: dict[str, Any]) -> T:
    """Return an object of the API as a value.

    Raises:
        KubectlError: it has another form.
    """
    try:
        return msgspec.convert(found, kind)
    except UNDECODABLE as error:
        raise KubectlError(f"kubectl printed something else than pods: {error}") from (
            error
        )


def events_of(kubectl: Kubectl, namespace: str, pod: str) -> PodEvents:
    """Return the Events of a pod that is there, or was."""
    given, _, name = pod.rpartition("/")
    selector = POD_EVENTS.format(name)
    where = _in(given or namespace)
    try:
        found = kubectl.get("events", "--field-selector", selector, *where)
        return pod_events.read(found.get("items") or [], now=time.time())
    except (KubectlError, *UNDECODABLE) as error:
        return PodEvents(unread=str(error))


def _in(namespace: str) -> tuple[str, ...]:
    return ("-n", namespace) if namespace else ()


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.option("--node", default="", help="The node; else that of the command's pod.")
@click.option("-n", "--namespace", default="", help="The namespace of that pod.")
@click.option("--context", default="", help="The context of the kubeconfig.")
@click.option("--kubeconfig", default="", help="Instead of kubectl's own.")
@click.option(
    "--vcnd-namespace",
    default="kube-system",
    show_default=True,
    help="The namespace of the DaemonSet vcnd.",
)
@click.argument("words", metavar="COMMAND [ARGS]...", nargs=-1, required=True)
def main(
    node: str,
    namespace: str,
    context: str,
    kubeconfig: str,
    vcnd_namespace: str,
    words: tuple[str, ...],
) -> None:
    """Run a command of vcndctl on a node of the cluster.

    For explain, path, policy show and policy explain the node is that of the pod.
    explain also shows the pod's Events that warn, and works for an hour after its end.
    You need the right to create pods/exec in the namespace of the DaemonSet.

    Exit codes: those of the command; 5, the cluster cannot be asked, or vcnd does not
    run on the node.
    """
    program = shutil.which("kubectl")
    if program is None:
        _end("there is no kubectl in PATH")
        return
    chosen = {"--context": context, "--kubeconfig": kubeconfig}
    options = tuple(x for name, v in chosen.items() if v for x in (name, v))
    kubectl, said = Kubectl(program=program, options=options), [*words]
    try:
        at = pod_of(words)
        if at is None:
            keeper = keeper_on(kubectl, vcnd_namespace, node)
            sys.exit(kubectl.execute(vcnd_namespace, keeper, [*ON_THE_NODE, *said])[0])
        pod = pod_named(kubectl, namespace, words[at]) if not node else None
        events, uid = None, pod.uid if pod is not None else ""
        if words[0] == EXPLAIN and "--watch" not in words:
            events = events_of(kubectl, namespace, words[at])
        if not node:
            said[at], node = _place(pod, events, namespace, words[at])
        keeper = keeper_on(kubectl, vcnd_namespace, node)
    except KubectlError as error:
        _end(str(error))
        return
    command = [*ON_THE_NODE, *said]
    as_json = events is not None and "--json" in words
    code, printed = kubectl.execute(vcnd_namespace, keeper, command, kept=as_json)
    if events is not None:
        _show(events, printed, uid=uid, as_json=as_json)
    sys.exit(code)


def _place(
    pod: Pod | None, events: PodEvents | None, namespace: str, name: str
) -> tuple[str, str]:
    """Return a pod's full name and its node, also if the pod has gone.

    Raises:
        KubectlError: no node is known.
    """
    if pod is not None and pod.node:
        return pod.full_name, pod.node
    if pod is None and events is not None and events.node:
        is_full = "/" in name or not namespace
        return name if is_full else f"{namespace}/{name}", events.node
    if events is not None and events.events:
        screen.show(pod_events.screen_of(events, uid=pod.uid if pod else ""))
    if pod is None:
        raise KubectlError(
            f"there is no pod {name}; if it was there, say its node: --node NAME"
        )
    raise KubectlError(f"pod {pod.full_name} is bound to no node yet: see its Events")


def _show(events: PodEvents, printed: str, *, uid: str, as_json: bool) -> None:
    """Show the Events of a pod below what vcndctl says of it, or beside it in JSON."""
    if not as_json:
        click.echo()
        screen.show(pod_events.screen_of(events, uid=uid))
        return
    try:
        answer = msgspec.json.decode(printed, type=dict[str, Any])
    except UNDECODABLE:
        click.echo(printed, nl=False)  # an older vcndctl's, or a refusal
        return
    show_json({**answer, "events": events.events, "events_unread": events.unread})


def _end(reason: str) -> None:
    click.echo(f"kubectl vcnd: {plain(reason)}", err=True)
    sys.exit(Exit.DOWN)


if __name__ == "__main__":
    main()
