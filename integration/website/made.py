"""Tables that are made from the code, between two comments of a page.

A page has ``<!-- made: NAME -->`` before such a table and ``<!-- end -->`` after it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

BLOCK = re.compile(r"(<!-- made: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def renewed(page: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """Return a page with its tables made anew.

    Raises:
        KeyError: the page has a table of a name that nobody makes.
    """

    def make(found: re.Match[str]) -> str:
        begin, name, end = found.groups()
        return f"{begin}\n{tables[name]()}\n{end}"

    return BLOCK.sub(make, page)
