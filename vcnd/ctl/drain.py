"""``vcndctl drain``: let go of a node that is to be removed, step by step."""

import sys
import time

import click

from vcnd.ctl.exits import Exit
from vcnd.ctl.telling import as_json, plain, show_json, telling
from vcnd.model.drain import DrainStatus
from vcnd.serve.ask import ask_for
from vcnd.serve.verbs import DRAIN, DRAIN_UNDO, RELEASE

LOOK_SECONDS = 2.0
MOST_NAMED = 3
NOT_KEPT = "the disk does not take this: a restart of vcnd undoes it (vcndctl status)"


@click.command()
@click.option("--undo", is_flag=True, help="Let the node serve again.")
@click.option(
    "--seconds",
    default=0.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How long to wait for pods to end; then all is released.",
)
@as_json
@click.pass_obj
def drain(path: str, seconds: float, *, undo: bool, as_json: bool) -> None:
    """Give new pods no address, and give back what is free.

    Pods that run keep their network: "kubectl drain" ends them.  With --seconds it
    waits until no pod holds an address, and then does what "vcndctl release" does.
    The drain outlives the daemon and a boot of the node: only --undo, or the release
    of the node, ends it.  Exit codes: 0, it is done; 1, the daemon refuses; 3, pods
    still hold addresses: the drain goes on; 4, it is done, and the disk did not take
    it: a restart of the daemon undoes it.
    """
    with telling():
        state = ask_for(path, DRAIN_UNDO if undo else DRAIN)
        give_up_at, told = time.monotonic() + seconds, ""
        while seconds and state.pods and not undo and time.monotonic() < give_up_at:
            told = _tell(state, told)
            time.sleep(LOOK_SECONDS)
            state = ask_for(path, DRAIN)
        released = bool(seconds) and not undo and not state.pods
        if released:
            ask_for(path, RELEASE)
    if as_json:
        show_json(state)
    elif released:
        click.echo("everything was given back; the daemon can be stopped")
    else:
        click.echo(plain(describe(state)))
    if state.pods and not undo:
        sys.exit(Exit.WRONG)
    if not state.kept and not released:
        sys.exit(Exit.UNSURE)


def _tell(state: DrainStatus, told: str) -> str:
    """Tell the progress on standard error if it is news; return it."""
    text = plain(describe(state))
    if text != told:
        click.echo(text, err=True)
    return text


def describe(state: DrainStatus) -> str:
    """Return how far a drain is, in one line."""
    kept = "" if state.kept else f"; {NOT_KEPT}"
    if not state.draining:
        return f"the node serves{kept}"
    if not state.pods:
        to_return = f"{state.held} are to be given back"
        return f"draining: no pod holds an address; {to_return}{kept}"
    named = ", ".join(state.pods[:MOST_NAMED])
    more = " and others" if len(state.pods) > MOST_NAMED else ""
    return f"draining: {len(state.pods)} pods hold addresses: {named}{more}{kept}"
