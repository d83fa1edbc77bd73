"""One file of a simulated disk: what the kernel has of it, and what the disk has."""

from random import Random

SECTOR = 512


class SimFile:
    """A file: its content, and the changes since the last sync."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.content = bytearray()
        """As the kernel shows it to all processes."""
        self.durable = bytearray()
        """As a power cut leaves it at worst."""
        self._changes: list[tuple[int, bytes | None]] = []
        """Writes (offset, bytes) and cuts (size, None) since the last sync."""

    def append(self, data: bytes) -> None:
        self._changes.append((len(self.content), bytes(data)))
        self.content += data

    def cut(self, size: int) -> None:
        self._changes.append((size, None))
        del self.content[size:]

    def sync(self) -> None:
        for change in self._changes:
            _apply(self.durable, *change)
        self._changes.clear()

    def drop_changes(self) -> None:
        """Forget unsynced changes, as the kernel does after a refused write-back.

        Processes still read them, and the next sync succeeds without them.
        """
        self._changes.clear()

    def damage(self, pick: int, *, cut: bool) -> None:
        """Cut the file off somewhere, or flip a bit of it; also on the disk."""
        at = pick % len(self.content)
        if cut:
            del self.content[at:]
        else:
            self.content[at] ^= 1 << pick % 8
        self.durable = bytearray(self.content)
        self._changes.clear()

    def lose_power(self, random: Random) -> None:
        """Keep what was synced and some of the rest: a part, a torn one, or none."""
        how = random.random()
        for offset, data in self._changes:
            if data is None:
                if how < 0.5:
                    _apply(self.durable, offset, None)
            elif how < 0.2:
                break
            elif how < 0.6:  # in order, up to a byte
                whole = random.random() < 0.7
                part = data if whole else data[: random.randrange(len(data) + 1)]
                _apply(self.durable, offset, part)
                if not whole:
                    break
            else:  # sector by sector, in no order
                for at, sector in _sectors(offset, data):
                    if random.random() < 0.6:
                        _apply(self.durable, at, sector)
        self._changes.clear()
        self.content = bytearray(self.durable)


def _sectors(offset: int, data: bytes) -> list[tuple[int, bytes]]:
    """Return a write in parts that end where sectors of the disk end."""
    parts, at = [], 0
    while at < len(data):
        end = at + SECTOR - (offset + at) % SECTOR
        parts.append((offset + at, data[at:end]))
        at = end
    return parts


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    content += bytes(max(0, offset - len(content)))
    content[offset : offset + len(data)] = data
