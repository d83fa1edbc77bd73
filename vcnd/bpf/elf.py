"""BPF programs out of an object file that clang made.  Pure.

The object declares no maps: a program names what it uses as an undefined symbol, and
the loader says what that is.
"""

import struct
import sys
from collections.abc import Iterator, Mapping

import msgspec

MAGIC = b"\x7fELF"
CLASS_64, MACHINE_BPF = 2, 247
LITTLE_ENDIAN, BIG_ENDIAN = 1, 2
HEADER, SECTION = "=16sHHIQQQIHHHHHH", "=IIQQQQIIQQ"
SYMBOL, RELOCATION = "=IBBHQQ", "=QQ"
SYMBOL_TABLE, RELOCATIONS = 2, 9
FUNCTION, UNDEFINED = 2, 0
LOAD_64_BIT, RELOCATED_64_BIT = 0x18, 1
MAP_DESCRIPTOR, MAP_VALUE = 1, 2
"""Kinds of the constant in a 64-bit load (BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE)."""
INSTRUCTION_BYTES = 8


class ObjectError(ValueError):
    """The file is no BPF object that this module can read; says why."""


class Program(msgspec.Struct, frozen=True):
    """A function's instructions, and where they name something."""

    code: bytes
    uses: tuple[tuple[int, str], ...]
    """Offset of a 64-bit load, and the symbol whose address or map it loads."""

    def linked(self, maps: Mapping[str, int], values: Mapping[str, int]) -> bytes:
        """Return the instructions with their maps.

        Args:
            maps: descriptors of the maps, by symbol.
            values: descriptors of maps whose only value a symbol stands for.

        Raises:
            ObjectError: the program names something else.
        """
        code = bytearray(self.code)
        for at, name in self.uses:
            if name in maps:
                kind, descriptor = MAP_DESCRIPTOR, maps[name]
            elif name in values:
                kind, descriptor = MAP_VALUE, values[name]
            else:
                raise ObjectError(f"the program uses {name}, which is no map")
            # The register's number is one half of a byte, the kind the other.
            register = code[at + 1]
            if sys.byteorder == "little":
                code[at + 1] = register & 0x0F | kind << 4
            else:
                code[at + 1] = register & 0xF0 | kind
            struct.pack_into("=i", code, at + 4, descriptor)
        return bytes(code)


class _Section(msgspec.Struct, frozen=True):
    kind: int
    data: bytes
    link: int
    """Number of its symbol table, or of the symbols' names."""
    target: int
    """Of relocations: the number of the section that they change."""


class _Symbol(msgspec.Struct, frozen=True):
    name: str
    kind: int
    section: int
    offset: int
    size: int


def programs(data: bytes) -> dict[str, Program]:
    """Return the programs of an object file, by the names of their functions.

    Raises:
        ObjectError: it is no BPF object of this machine's byte order, or it is damaged.
    """
    try:
        return _programs(data)
    except ObjectError:
        raise
    except (struct.error, IndexError, ValueError) as error:
        raise ObjectError(f"the object is damaged: {error}") from error


def _programs(data: bytes) -> dict[str, Program]:
    _check_kind(data)
    sections = list(_sections(data))
    tables = [n for n, s in enumerate(sections) if s.kind == SYMBOL_TABLE]
    if len(tables) != 1:
        raise ObjectError("the object has no symbol table")
    symbols = list(_symbols(sections, tables[0]))
    found: dict[str, Program] = {}
    for symbol in symbols:
        if symbol.kind != FUNCTION or symbol.section == UNDEFINED:
            continue
        text = sections[symbol.section].data
        code = text[symbol.offset : symbol.offset + symbol.size]
        if not code or len(code) != symbol.size or len(code) % INSTRUCTION_BYTES:
            raise ObjectError(f"{symbol.name} is not whole")
        uses = [
            (at - symbol.offset, name)
            for at, name in _uses(sections, symbol.section, symbols)
            if 0 <= at - symbol.offset < symbol.size
        ]
        if any(code[at : at + 1] != bytes((LOAD_64_BIT,)) for at, _ in uses):
            raise ObjectError(f"{symbol.name} names something in no 64-bit load")
        found[symbol.name] = Program(code, tuple(uses))
    return found


def _check_kind(data: bytes) -> None:
    if data[:4] != MAGIC:
        raise ObjectError("the file is no ELF file")
    ours = LITTLE_ENDIAN if sys.byteorder == "little" else BIG_ENDIAN
    if data[4] != CLASS_64 or data[5] != ours:
        raise ObjectError("the object is for machines of another byte order")
    if struct.unpack_from("=H", data, 18)[0] != MACHINE_BPF:
        raise ObjectError("the object is not for BPF")


def _sections(data: bytes) -> Iterator[_Section]:
    header = struct.unpack_from(HEADER, data)
    start, entry_bytes, count = header[6], header[11], header[12]
    for number in range(count):
        at = start + number * entry_bytes
        _, kind, _, _, offset, size, link, target, _, _ = struct.unpack_from(
            SECTION, data, at
        )
        content = data[offset : offset + size]
        if kind in (SYMBOL_TABLE, RELOCATIONS) and len(content) != size:
            raise ObjectError("the object is cut off")
        yield _Section(kind, content, link, target)


def _symbols(sections: list[_Section], table: int) -> Iterator[_Symbol]:
    names = sections[sections[table].link].data
    for name, info, _, section, offset, size in struct.iter_unpack(
        SYMBOL, sections[table].data
    ):
        text = names[name : names.index(b"\0", name)].decode(errors="replace")
        # Special sections, such as the file's name, have numbers behind the last.
        inside = section if section < len(sections) else UNDEFINED
        yield _Symbol(text, info & 0x0F, inside, offset, size)


def _uses(
    sections: list[_Section], changed: int, symbols: list[_Symbol]
) -> Iterator[tuple[int, str]]:
    for section in sections:
        if section.kind != RELOCATIONS or section.target != changed:
            continue
        for at, info in struct.iter_unpack(RELOCATION, section.data):
            symbol, kind = symbols[info >> 32], info & 0xFFFFFFFF
            if kind != RELOCATED_64_BIT or symbol.section != UNDEFINED:
                raise ObjectError(f"{symbol.name or 'a section'} is no map")
            yield at, symbol.name
