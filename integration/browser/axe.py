"""axe-core, which finds what keeps people from using a page (WCAG)."""

from pathlib import Path
from typing import Any

from integration import npm_locked

HERE = Path(__file__).with_name("axe")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def script() -> Path:
    """Return the place of axe-core's script."""
    return npm_locked.place("axe", HERE) / "axe-core" / "axe.min.js"


def prepare() -> str:
    """Install axe-core unless it is there; return what was done, in words.

    Raises:
        RuntimeError: it cannot be installed; the text has npm's reason.
    """
    if npm_locked.install("axe", HERE) is None:
        return "axe: no npm on this machine, the page's accessibility is not judged"
    return "axe: is there"


def violations(page: Any) -> list[str]:
    """Return what axe-core finds on a page: rule, help, and the elements.

    The page's own policy allows no foreign script, so the driver evaluates it.
    """
    page.evaluate(script().read_text())
    options = {"runOnly": RULES, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{v['id']}: {v['help']}: {[n['target'] for n in v['nodes']][:5]}"
        for v in found["violations"]
    ]
