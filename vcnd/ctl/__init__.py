"""``vcndctl``: look at a node's daemons, and let go of the node."""

from vcnd.ctl.node import main
from vcnd.ctl.policy import policy

__all__ = ["main"]

main.add_command(policy)
