"""``vcndctl status``: the node on one screen."""

import sys
from typing import Any

import click

from vcnd.ctl import policy_asking, screen
from vcnd.ctl.exits import Exit
from vcnd.ctl.policy_asking import PolicyAsker
from vcnd.ctl.status_text import screen as screen_of
from vcnd.ctl.telling import as_json, show_json, telling
from vcnd.model.policy_status import PolicyAsked, PolicyStatus
from vcnd.model.status import NodeStatus
from vcnd.serve.ask import AskError, ask_for, raw_status
from vcnd.serve.verbs import STATUS


@click.command()
@policy_asking.socket
@screen.watch
@click.option(
    "--exit-code", is_flag=True, help=f"Exit with {Exit.WRONG} if something is wrong."
)
@as_json
@click.pass_obj
def status(
    path: str, policy_path: str, *, watched: bool, exit_code: bool, as_json: bool
) -> None:
    """Show pool, VNICs, pods, and what is wrong and why.

    Exit code 3, with --exit-code: something is wrong.
    """
    with telling():
        if as_json:
            raw = raw_status(path)
            state: dict[str, Any] = raw if isinstance(raw, dict) else {}
            policy = ask_policy(policy_path) if state.get("policies") else None
            show_json({**state, "policy": policy})
            wrong = any(state.get(x) for x in ("problems", "broken", "trying"))
            wrong |= policy is not None and policy.is_wrong
        elif watched:
            screen.keep_showing(lambda: screen_of(*_both(path, policy_path)))
            return
        else:
            node, policy = _both(path, policy_path)
            screen.show(screen_of(node, policy))
            wrong = not node.is_well or (policy is not None and policy.is_wrong)
    if exit_code and wrong:
        sys.exit(Exit.WRONG)


def _both(path: str, policy_path: str) -> tuple[NodeStatus, PolicyAsked | None]:
    state = ask_for(path, STATUS)
    return state, ask_policy(policy_path) if state.policies else None


def ask_policy(path: str) -> PolicyAsked:
    """Return what vcnd-policy says of itself, or why it does not answer."""
    try:
        answer = PolicyAsker(path).ask("VCND_POLICY_STATUS", PolicyStatus)
    except AskError as error:
        return PolicyAsked(reason=str(error))
    return PolicyAsked(status=answer)
