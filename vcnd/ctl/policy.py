"""The commands about network policies."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from vcnd.ctl import completion, policy_asking, policy_text
from vcnd.ctl.metrics import show as show_metrics
from vcnd.ctl.policy_asking import PolicyAsker
from vcnd.ctl.telling import as_json, plain, show_json, telling
from vcnd.model.metrics import Reading
from vcnd.model.policy import LAST_PORT, Protocol
from vcnd.model.policy_answers import DryRunAnswer, ExplainAnswer, PodShown
from vcnd.model.policy_questions import (
    MOST_GROUPS,
    DryRunQuestion,
    ExplainQuestion,
    ShowQuestion,
)
from vcnd.model.policy_status import PolicyStatus

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

DIFFERS, DENIED = 3, 4
"""Exit codes."""
WITHOUT_PORTS = "icmp"


class _PodsToo(click.Group):
    """A group in which a word that is no command is a pod to show."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that words mean."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["show", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_PodsToo, subcommand_metavar="COMMAND [ARGS]... | [NAMESPACE/]POD")
@policy_asking.socket
@click.pass_context
def policy(context: click.Context, policy_path: str) -> None:
    """Ask about network policies.

    "vcndctl policy POD" is short for "vcndctl policy show POD".

    Exit codes: 0 when the answer was printed, 1 when vcnd-policy refuses or the input
    is bad, 2 when the command is wrong; of explain also 3 and 4.
    """
    context.obj = PolicyAsker(policy_path)


@policy.command()
@as_json
@click.pass_obj
def status(ask: PolicyAsker, *, as_json: bool) -> None:
    """Show what is known of the cluster, and what is in force here."""
    with telling():
        answer = ask.raw("VCND_POLICY_STATUS")
        if not as_json:
            state = ask.read(answer, PolicyStatus)
            click.echo(policy_text.describe_status(state))
            return
    show_json(answer)


@policy.command()
@as_json
@click.pass_obj
def metrics(ask: PolicyAsker, *, as_json: bool) -> None:
    """Print vcnd-policy's metrics, as Prometheus would get them (OpenMetrics)."""
    with telling():
        reading = ask.ask("VCND_POLICY_METRICS", Reading)
    show_metrics(reading, as_json=as_json)


@policy.command()
@click.argument("pod", metavar="[NAMESPACE/]POD", shell_complete=completion.pods)
@as_json
@click.pass_obj
def show(ask: PolicyAsker, pod: str, *, as_json: bool) -> None:
    """Show which policies are about a pod, and what is in force for it.

    For a pod of this node it also shows the kernel's chains. The counters of a chain
    are those of all pods that it judges: pods with the same policies share it.
    """
    with telling():
        answer = ask.raw("VCND_POLICY_SHOW", ShowQuestion(pod=pod))
        if not as_json:
            click.echo(policy_text.describe_pod(ask.read(answer, PodShown)))
            return
    show_json(answer)


Port = tuple[Protocol | None, int]


def port_argument(*, required: bool) -> Callable[[Decorated], Decorated]:
    """Return the decorator for the argument ``PORT[/PROTOCOL]``."""
    return click.argument(
        "port", callback=_port, required=required, metavar="PORT[/PROTOCOL]"
    )


def _port(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> Port | None:
    """Return protocol and port of ``80``, ``53/udp`` or ``icmp``."""
    if text is None:
        return None
    if text.lower() == WITHOUT_PORTS:
        return None, 0
    number, _, name = text.partition("/")
    names = {x.lower(): x for x in Protocol}
    protocol = names.get((name or "tcp").lower())
    is_port = number.isascii() and number.isdecimal()
    if protocol is None or not is_port or not 0 < int(number) <= LAST_PORT:
        raise click.BadParameter(
            f"{text!r} is none: say 80, 53/udp, 7777/sctp or {WITHOUT_PORTS}",
            ctx=context,
            param=parameter,
        )
    return protocol, int(number)


@policy.command()
@click.argument("source", metavar="FROM", shell_complete=completion.pods)
@click.argument("destination", metavar="TO", shell_complete=completion.pods)
@port_argument(required=True)
@click.option("--exit-code", is_flag=True, help=f"Exit with {DENIED} if it is denied.")
@as_json
@click.pass_obj
def explain(
    ask: PolicyAsker,
    source: str,
    destination: str,
    port: tuple[Protocol | None, int],
    *,
    exit_code: bool,
    as_json: bool,
) -> None:
    """Say whether a new connection is allowed, and which rule decides.

    FROM and TO are pods ([NAMESPACE/]POD) or addresses. Policies are about pods: in
    place of a Service ask for a pod behind it, with the pod's port. PORT is of TCP, if
    no protocol is named; "icmp" stands for traffic without ports.

    What policies say is compared with the rules that the kernel of this node has. Exit
    code 3: the kernel differs. Denied or allowed is 0, but with --exit-code 4 if it is
    denied.
    """
    protocol, number = port
    question = ExplainQuestion(
        source=source, destination=destination, protocol=protocol, port=number
    )
    with telling():
        raw = ask.raw("VCND_POLICY_EXPLAIN", question)
        answer = ask.read(raw, ExplainAnswer)
    if as_json:
        show_json(raw)
    else:
        click.echo(policy_text.describe_explained(answer))
    if any(x.kernel.agrees is False for x in answer.connections):
        sys.exit(DIFFERS)
    if exit_code and not all(x.allowed for x in answer.connections):
        sys.exit(DENIED)


@policy.command("dry-run")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--most",
    default=MOST_GROUPS,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Print so many groups of connections.",
)
@as_json
@click.pass_obj
def dry_run(ask: PolicyAsker, file: Path, most: int, *, as_json: bool) -> None:
    """Say which connections there are now that policies would deny.

    FILE has NetworkPolicies and ClusterNetworkPolicies, in YAML or JSON; "-" is the
    standard input. They are judged as if they were added, or replaced those of the same
    name. Nothing is changed. The connections are those that the kernel tracks of the
    pods of this node; the port is the pod's, also where a Service was asked for.
    """
    objects = _objects(file)
    with telling():
        question = DryRunQuestion(objects=objects, most=most)
        answer = ask.raw("VCND_POLICY_DRY_RUN", question)
        if not as_json:
            click.echo(policy_text.describe_dry_run(ask.read(answer, DryRunAnswer)))
            return
    show_json(answer)


def _objects(file: Path) -> list[Any]:
    """Return the objects of a file; end with one line if one of them is wrong."""
    # Nothing else needs YAML, or what reads the API's objects.
    from vcnd.ctl.policy_file import FileError, read  # noqa: PLC0415
    from vcnd.kube.policy.proposals import ProposalError, proposal  # noqa: PLC0415

    try:
        found = read(file)
    except FileError as error:
        sys.exit(plain(f"vcndctl: {file}: {error}"))
    for item in found:
        try:
            proposal(item.body)
        except ProposalError as error:
            where = f"{file}: line {item.line_of(error.what)}"
            sys.exit(plain(f"vcndctl: {where}: {error}"))
    return [item.body for item in found]
