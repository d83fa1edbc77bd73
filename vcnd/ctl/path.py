"""``vcndctl path``: where a pod's packets go, and who would drop them."""

import sys

import click

from vcnd.ctl import completion, policy_asking, screen
from vcnd.ctl.exits import Exit
from vcnd.ctl.path_text import Asked, screen_of
from vcnd.ctl.policy import port_argument
from vcnd.ctl.policy_asking import PolicyAsker
from vcnd.ctl.telling import as_json, show_json, telling
from vcnd.model.pod_path import Carrier, PathQuestion, Way
from vcnd.model.policy import Protocol
from vcnd.model.policy_answers import ExplainAnswer
from vcnd.model.policy_questions import ExplainQuestion
from vcnd.model.vcn_rules import Transport
from vcnd.serve.ask import AskError, ask_for
from vcnd.serve.verbs import PATH, STATUS


@click.command()
@click.argument("pod", metavar="[NAMESPACE/]POD", shell_complete=completion.pods)
@click.argument("destination", shell_complete=completion.pods)
@port_argument(required=False)
@policy_asking.socket
@as_json
@click.pass_obj
def path(
    path: str,
    pod: str,
    destination: str,
    port: tuple[Protocol | None, int] | None,
    policy_path: str,
    *,
    as_json: bool,
) -> None:
    """Say by which link, VNIC, rule and route a pod's packets go, or who drops them.

    DESTINATION is an address or a pod of this node.  The node's kernel is asked for
    the route, and OCI for the security rules and the VCN's route; no packet is sent.
    With PORT[/PROTOCOL], rules of ports are judged, and vcnd-policy says whether
    network policies allow the connection.

    Exit codes: 3, it is dropped or denied; 4, a decision is not known: without a port
    it may depend on it, or OCI or vcnd-policy did not tell.
    """
    transport, number = _transport(port)
    with telling():
        question = PathQuestion(
            pod=pod, destination=destination, transport=transport, port=number
        )
        answer = ask_for(path, PATH, question)
        enforced = port is not None and ask_for(path, STATUS).policies
    asked = [
        _asked(policy_path, way, port) if enforced and port else Asked(way=way)
        for way in answer.ways
    ]
    if as_json:
        show_json({"pod": answer.pod, "ways": asked})
    else:
        screen.show(screen_of(answer.pod, asked))
    if any(x.is_dropped for x in asked):
        sys.exit(Exit.WRONG)
    if any(x.is_unsure for x in asked):
        sys.exit(Exit.UNSURE)


def _transport(
    port: tuple[Protocol | None, int] | None,
) -> tuple[Transport | None, int | None]:
    """Return a port argument as the daemon is asked; None is ICMP there."""
    if port is None:
        return None, None
    protocol, number = port
    if protocol is None:
        return Transport.ICMP, None
    return Transport(protocol.lower()), number


def _asked(path: str, way: Way, port: tuple[Protocol | None, int]) -> Asked:
    """Ask vcnd-policy about the connection of a way."""
    if way.carrier is Carrier.DROPPED:
        return Asked(way=way)
    protocol, number = port
    question = ExplainQuestion(
        source=way.source,
        destination=way.destination,
        protocol=protocol,
        port=number,
    )
    asker = PolicyAsker(path)
    try:
        answer = asker.ask("VCND_POLICY_EXPLAIN", ExplainAnswer, question)
    except AskError as error:
        return Asked(way=way, unasked=str(error))
    return Asked(way=way, policy=answer)
