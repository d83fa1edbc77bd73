"""A table of nft as a value: its chains as text, its sets by their elements.  Pure.

Two tables are compared without a look at what is the same value in both.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from vcnd.linux.nft_text import declared

Element = str | tuple[str, str, int]
"""In nft's words; or an address, a protocol in any case of letters, and a port."""
COUNTER, LIMIT = "counter", "limit"


class Filled(msgspec.Struct, frozen=True):
    """A map or a set; or an object without elements, a counter or a limit."""

    kind: str
    head: str
    """What its declaration says besides the elements."""
    elements: frozenset[Element] = frozenset()

    def declared(self, name: str) -> str:
        """Return the line that declares it, with its elements."""
        return declared(self.kind, name, self.head, written(self.elements))


class Table(msgspec.Struct, frozen=True):
    """The objects of a table, by name."""

    chains: Mapping[str, Sequence[str]] = {}
    """Their lines."""
    filled: Mapping[str, Filled] = {}

    @property
    def counters(self) -> frozenset[str]:
        """Return the names of its counters."""
        return frozenset(n for n, x in self.filled.items() if x.kind == COUNTER)

    def text(self, name: str) -> str:
        """Return it as text, as ``nft_scripts`` reads it.

        Args:
            name: the table's.
        """
        lines = [
            f"table inet {name} {{",
            *(filled.declared(one) for one, filled in self.filled.items()),
            *(line for some in self.chains.values() for line in some),
            "}",
        ]
        return "\n".join(lines) + "\n"


def written(elements: Iterable[Element]) -> Iterator[str]:
    """Yield elements as nft reads them."""
    for element in elements:
        if isinstance(element, str):
            yield element
        else:
            address, protocol, number = element
            yield f"{address} . {protocol.lower()} . {number}"


def read_chains(lines: Iterable[str]) -> dict[str, list[str]]:
    """Return chains by their names, of lines that ``nft_text.chain`` has made."""
    found: dict[str, list[str]] = {}
    some: list[str] = []
    for line in lines:
        if line.startswith("  chain "):
            some = found[line.split(maxsplit=2)[1]] = []
        some.append(line)
    return found
