"""``vcndctl top`` and ``vcndctl flows``: what the node's pods send and receive."""

import time

import click
from msgspec.structs import replace
from rich.console import RenderableType

from vcnd.ctl import completion, screen
from vcnd.ctl.telling import as_json, show_json, telling
from vcnd.ctl.traffic_text import flows_screen, rates_of, top_screen
from vcnd.model.traffic import FlowsAnswer, FlowsShown, TrafficAnswer
from vcnd.serve.ask import ask_for
from vcnd.serve.verbs import FLOWS, TRAFFIC

INTERVAL_SECONDS = 1.0
"""Between two looks at the counters, for rates."""


@click.command()
@click.option("-n", "number", default=20, show_default=True, help="How many pods.")
@screen.watch
@as_json
@click.pass_obj
def top(path: str, number: int, *, watched: bool, as_json: bool) -> None:
    """Show which pods send and receive most, in packets and bytes per second.

    The counters are those of the pods' links: packets that pods receive by the express
    lane are not counted.  --json prints the counters as they are.
    """
    with telling():
        if as_json:
            show_json(ask_for(path, TRAFFIC))
            return
        before = ask_for(path, TRAFFIC)
        if watched:
            _keep_showing(path, before, number)
            return
        time.sleep(INTERVAL_SECONDS)
        screen.show(top_screen(rates_of(before, ask_for(path, TRAFFIC)), number))


def _keep_showing(path: str, first: TrafficAnswer, number: int) -> None:
    before = [first]

    def draw() -> RenderableType:
        now = ask_for(path, TRAFFIC)
        rates = rates_of(before[-1], now)
        before[:] = [now]
        return top_screen(rates, number)

    time.sleep(INTERVAL_SECONDS)
    screen.keep_showing(draw)


@click.command()
@click.argument(
    "pod",
    metavar="[[NAMESPACE/]POD]",
    required=False,
    shell_complete=completion.pods,
)
@click.option("-n", "number", default=40, show_default=True, help="How many lines.")
@screen.watch
@as_json
@click.pass_obj
def flows(
    path: str, pod: str | None, number: int, *, watched: bool, as_json: bool
) -> None:
    """Show the connections of the node's pods, or of one pod.

    They are those that the kernel tracks, some of which have ended a short while ago.
    """

    def ask() -> FlowsAnswer:
        answer = ask_for(path, FLOWS)
        chosen = [x for x in answer.flows if pod is None or _is_of(x, pod)]
        return replace(answer, flows=tuple(chosen))

    def draw() -> RenderableType:
        found = ask()
        return flows_screen(
            found.flows, found.express_flows, number, left_out=found.left_out
        )

    with telling():
        if watched:
            screen.keep_showing(draw)
        elif as_json:
            show_json(ask())
        else:
            screen.show(draw())


def _is_of(flow: FlowsShown, pod: str) -> bool:
    names = flow.source_pod, flow.destination_pod
    return any(pod in (name, name.rpartition("/")[2]) for name in names if name)
