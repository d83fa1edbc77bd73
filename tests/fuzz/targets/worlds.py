"""World files: a world, or an error with the line."""

from collections.abc import Iterable

from fakeoci.world.worldfile import BUNDLED, WorldFileError, bundled, parse
from tests.fuzz.choices import Choices, torn

TEXTS = tuple(bundled(name).encode() for name in BUNDLED)
RAW = 96


def run(data: bytes) -> None:
    """Parse a file: any bytes, or a bundled one that is damaged."""
    choices = Choices(data)
    kind = choices.below(256)
    text = choices.rest() if kind < RAW else _varied(choices.pick(TEXTS), choices)
    try:
        parse(text.decode("utf-8", "replace"))
    except WorldFileError as error:
        if not any(word in str(error) for word in ("line", "end of document")):
            raise AssertionError(f"no line in {error}") from error


def _varied(text: bytes, choices: Choices) -> bytes:
    """Return a file with other values, or with lines left out, or damaged."""
    lines = text.split(b"\n")
    for _ in range(4):
        if choices.is_over:
            break
        at = choices.below(len(lines))
        match choices.below(4):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, choices.pick(lines))
            case 2:
                lines[at] = torn(lines[at], choices)
            case _:
                key, equals, value = lines[at].partition(b"=")
                if equals:
                    lines[at] = key + equals + choices.pick(VALUES)
                else:
                    lines[at] = value
    return b"\n".join(lines)


VALUES = (
    *(
        b"0",
        b"-1",
        b"1",
        b'""',
        b"[]",
        b"{}",
        b"true",
        b"99999999999",
        b"1e400",
        b"nan",
    ),
    *(b'"10.0.0.0/16"', b'"10.0.0.0/8"', b'["10.0.0.0/30"]', b'"fd00::/56"', b'"x"'),
    *(
        b'["::/0"]',
        b'"0.0.0.0/0"',
        b'"all"',
        b'["a", "b"]',
        b"2026-01-01",
        b'"\\u0000"',
    ),
)


def seeds() -> Iterable[bytes]:
    """Return the bundled files, and each kind of change."""
    for number, text in enumerate(TEXTS):
        yield b"\0" + text
        yield bytes([RAW, number])
        for kind in range(4):
            yield bytes([RAW, number, 9, kind, 3])
