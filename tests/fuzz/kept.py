"""The inputs in the repository: corpora, and those that once broke a rule."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
"""One file a target, an input a line."""
CRASHES = HERE / "crashes"
"""One folder a target, an input a file."""
PREFIX = "kept-"
"""Of the names of these inputs among those that a search finds."""
MOST_BYTES = 6 << 10
"""Of a target's corpus, so that all of them stay small."""


def corpus(name: str) -> list[bytes]:
    """Return a target's inputs that reach what its seeds do not."""
    path = CORPUS / name
    if not path.exists():
        return []
    return [b64decode(line) for line in path.read_text().split()]


def crashes(name: str) -> list[Path]:
    """Return the files of inputs that broke a target's rule before it was mended."""
    return sorted((CRASHES / name).glob("*"))


def keep(name: str, found: Iterable[bytes]) -> None:
    """Write a target's corpus: the shortest inputs, as many as there is room for."""
    path = CORPUS / name
    size, lines = 0, list[str]()
    for data in sorted(set(found), key=lambda x: (len(x), x)):
        line = b64encode(data).decode()
        size += len(line) + 1
        if size > MOST_BYTES:
            break
        lines.append(line)
    path.write_text("".join(f"{line}\n" for line in lines))


def unpack(inputs: Sequence[bytes], folder: Path) -> None:
    """Write inputs as files, as libFuzzer reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(inputs):
        (folder / f"{PREFIX}{number:04}").write_bytes(data)
