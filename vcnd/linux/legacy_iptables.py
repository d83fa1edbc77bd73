"""FORWARD of legacy iptables (x_tables), which nft does not show.

The kernel tells whether it is in use; only its own program can read and change it.
"""

import shutil
import subprocess
from pathlib import Path

from vcnd.log import log
from vcnd.model.cause import Cause, Fault

COMMENT = "vcnd"
TABLE_NAMES = {
    "iptables": Path("/proc/net/ip_tables_names"),
    "ip6tables": Path("/proc/net/ip6_tables_names"),
}
DROPS = ("-A FORWARD -j DROP", "-A FORWARD -j REJECT")


def problems(link_prefix: str, *, accept: bool) -> dict[str, Fault]:
    """Insert pods' accepts where they are missing; return what is wrong otherwise."""
    found: dict[str, Fault] = {}
    for program in filter(_is_in_use, TABLE_NAMES):
        name = f"{program}-legacy FORWARD"
        if shutil.which(f"{program}-legacy") is None:
            found[name] = Fault(
                Cause.RULES_UNREADABLE,
                f"is in use, and there is no {program}-legacy to look into it: if it"
                f" drops, accept {link_prefix}+ in and out before that",
            )
            continue
        missing = missing_accepts(_forward(program), link_prefix)
        if not missing:
            continue
        if not accept:
            found[name] = Fault(
                Cause.PACKETS_DROPPED,
                "drops pods' packets: set [node] forward_accept = true",
            )
            continue
        for option in missing:
            _run(program, addition(_forward(program), option, link_prefix))
        if missing_accepts(_forward(program), link_prefix):
            found[name] = Fault(
                Cause.ACCEPT_REFUSED,
                "drops pods' packets, and takes no accept for them",
            )
        else:
            log.info("forward_accept_inserted", chain=name)
    return found


def remove(link_prefix: str) -> None:
    """Delete our rules."""
    for program in filter(_is_in_use, TABLE_NAMES):
        rules = _forward(program)
        for option in ("-i", "-o"):
            for _ in range(
                rules.count(" ".join(["-A", *_accept(option, link_prefix)]))
            ):
                _run(program, ["-D", *_accept(option, link_prefix)])


def missing_accepts(rules: list[str], link_prefix: str) -> tuple[str, ...]:
    """Return which accepts (-i, -o) a FORWARD chain lacks before it drops.

    Args:
        rules: what ``iptables -S FORWARD`` prints.
        link_prefix: what names of pods' links begin with.
    """
    ends = _drops(rules)
    if not ends and "-P FORWARD DROP" not in rules:
        return ()
    before = rules[: ends[0]] if ends else rules
    return tuple(
        option
        for option in ("-i", "-o")
        if not any(
            rule.startswith(f"-A FORWARD {option} {link_prefix}+ ")
            and rule.endswith("-j ACCEPT")
            for rule in before
        )
    )


def addition(rules: list[str], option: str, link_prefix: str) -> list[str]:
    """Return the arguments that add an accept right before the rule that drops."""
    ends = _drops(rules)
    chain, *accept = _accept(option, link_prefix)
    # The policy is listed first, so rules count from 1.
    where = ["-I", chain, str(ends[0])] if ends else ["-A", chain]
    return [*where, *accept]


def _drops(rules: list[str]) -> list[int]:
    return [n for n, rule in enumerate(rules) if rule.startswith(DROPS)]


def _accept(option: str, link_prefix: str) -> list[str]:
    on = ["FORWARD", option, f"{link_prefix}+"]
    return [*on, "-m", "comment", "--comment", COMMENT, "-j", "ACCEPT"]


def _is_in_use(program: str) -> bool:
    """Return True if x_tables has a filter table here, and this process may know."""
    try:
        return "filter" in TABLE_NAMES[program].read_text(errors="replace").split()
    except OSError:
        return False


def _forward(program: str) -> list[str]:
    return _run(program, ["-S", "FORWARD"]).splitlines()


def _run(program: str, arguments: list[str]) -> str:
    command = shutil.which(f"{program}-legacy")
    if command is None:
        return ""
    done = subprocess.run(
        [command, "-w", *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        log.warning(
            "legacy_iptables_refused", command=program, reason=done.stderr.strip()
        )
    return done.stdout
