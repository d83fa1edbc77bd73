"""``vcndctl explain``: how far a pod has come on its way to a network, and why."""

import sys

import click

from vcnd.ctl import completion, policy_asking, screen
from vcnd.ctl.exits import Exit
from vcnd.ctl.explain_text import Explained, screen_of
from vcnd.ctl.policy_asking import PolicyAsker
from vcnd.ctl.status import ask_policy
from vcnd.ctl.telling import as_json, show_json, telling
from vcnd.model.pod_explained import PodExplained, PodQuestion, Stage, Verdict
from vcnd.model.policy_answers import PodShown
from vcnd.model.policy_questions import ShowQuestion
from vcnd.serve.ask import AskError, ask_for
from vcnd.serve.verbs import EXPLAIN


@click.command()
@click.argument("pod", metavar="[NAMESPACE/]POD", shell_complete=completion.pods)
@policy_asking.socket
@screen.watch
@as_json
@click.pass_obj
def explain(
    path: str, pod: str, policy_path: str, *, watched: bool, as_json: bool
) -> None:
    """Say how far a pod is on its way to a network, why, and what to do.

    It works while the pod starts, while it runs, and for an hour after its end.  Exit
    codes: 3, the pod waits or its network does not work; 4, the daemon knows no such
    pod.
    """
    with telling():
        if watched:
            screen.keep_showing(lambda: screen_of(pod, _ask(path, policy_path, pod)))
            return
        found = _ask(path, policy_path, pod)
    if as_json:
        show_json({"pods": found})
    else:
        screen.show(screen_of(pod, found))
    if not found:
        sys.exit(Exit.UNSURE)
    if any(not x.is_well for x in found):
        sys.exit(Exit.WRONG)


def _ask(path: str, policy_path: str, pod: str) -> list[Explained]:
    """Ask the daemon, and vcnd-policy where network policies are on."""
    found = ask_for(path, EXPLAIN, PodQuestion(pod=pod)).pods
    if all(_is_off(x) for x in found):
        return [Explained(node=x) for x in found]
    policy = ask_policy(policy_path)
    return [
        Explained(
            node=x,
            policy=policy,
            shown=_shown(policy_path, x.pod) if policy.status is not None else None,
        )
        for x in found
    ]


def _is_off(pod: PodExplained) -> bool:
    return any(s.stage is Stage.POLICY and s.verdict is Verdict.OFF for s in pod.steps)


def _shown(path: str, pod: str) -> PodShown | None:
    """Return what vcnd-policy knows of a pod; None: nothing."""
    question = ShowQuestion(pod=pod)
    try:
        return PolicyAsker(path).ask("VCND_POLICY_SHOW", PodShown, question)
    except AskError:
        return None
