"""What a bundle holds, and where each part is had.

A part that cannot be had does not stop the others: the manifest says why.
"""

import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from vcnd import __version__
from vcnd.ctl import caller
from vcnd.ctl.bundle.archive import FORMAT, MOST_BYTES, Bundle, Manifest, Note
from vcnd.ctl.bundle.scrub import scrub, scrub_forms
from vcnd.foreign import UNDECODABLE
from vcnd.serve import verbs
from vcnd.serve.ask import AskError, ask

STATUS, JOURNAL, AUDIT = "status.json", "journal", "audit.json"
CONFIGURATION = "vcnd.toml"
STATE = "/var/lib/vcnd"
TRIES = 3
"""How often the state is asked at most, until the journal is the same after it."""
PROGRAMS = {
    "kernel/rules": ("ip", "rule"),
    "kernel/rules6": ("ip", "-6", "rule"),
    "kernel/routes": ("ip", "route", "show", "table", "all"),
    "kernel/routes6": ("ip", "-6", "route", "show", "table", "all"),
    "kernel/links": ("ip", "-details", "-statistics", "link"),
    "kernel/addresses": ("ip", "address"),
    "kernel/neighbours": ("ip", "neighbour"),
    "kernel/nft": ("nft", "-a", "list", "ruleset"),
    "kernel/sysctls": ("sysctl", "-a", "--pattern", r"^net\.(ipv|netfilter|core\.bpf)"),
    "versions/kernel": ("uname", "-a"),
    "versions/system": ("cat", "/etc/os-release"),
    "versions/systemd": ("systemctl", "--version"),
    "units": ("systemctl", "list-units", "--all", "--no-pager", "vcnd*"),
    "log": (
        *("journalctl", "--no-pager", "--output=short-iso-precise", "--lines=20000"),
        *("--unit=vcnd", "--unit=vcnd-policy", "--unit=kubelet", "--unit=containerd"),
    ),
}
FROM_THE_END = {"log"}
"""Of these the last bytes are kept, of all others the first."""
TEXTS = frozenset(PROGRAMS) | {CONFIGURATION}
"""Texts whose fields have names.  In the journal ``token`` is an attachment's retry
token, and a changed line would be damage."""

Get = Callable[[], bytes]


class _Collected(msgspec.Struct):
    members: dict[str, bytes] = msgspec.field(default_factory=dict)
    notes: dict[str, Note] = msgspec.field(default_factory=dict)

    def take(self, name: str, get: Get) -> bytes:
        """Add a part, without secrets and bounded; return it as it was."""
        try:
            data = get()
        except (OSError, AskError) as error:
            self.miss(name, str(error))
            return b""
        self.put(name, data)
        return data

    def miss(self, name: str, why: str) -> None:
        """Note a part that cannot be had."""
        self.notes[name] = Note(missing=scrub(why.encode())[0].decode() or "no reason")

    def put(self, name: str, data: bytes) -> None:
        """Add a part, without secrets and bounded."""
        # First scrubbed: a cut through a secret would leave a part that looks harmless.
        clean, removed = scrub(data) if name in TEXTS else scrub_forms(data)
        cut = len(clean) > MOST_BYTES
        kept = clean[-MOST_BYTES:] if name in FROM_THE_END else clean[:MOST_BYTES]
        self.members[name] = kept
        self.notes[name] = Note(size=len(kept), cut=cut, removed=removed)

    def bundle(self, *, steady: bool) -> Bundle:
        """Return the bundle of what was added.

        Args:
            steady: False if the state changed meanwhile.
        """
        manifest = Manifest(
            vcnd_bundle=FORMAT,
            least_reader=FORMAT,
            vcnd=__version__,
            made_at=time.time(),
            booted_seconds=time.clock_gettime(time.CLOCK_BOOTTIME),
            steady=steady,
            members=self.notes,
        )
        return Bundle(manifest=manifest, members=self.members)


def collect(
    socket: str, configuration: Path, policy_socket: str, *, audit: bool
) -> Bundle:
    """Return a bundle of this node.

    Args:
        socket: the daemon's.
        configuration: the daemon's file.
        policy_socket: that of vcnd-policy.
        audit: compare with the cloud, too: some calls to OCI.
    """
    parts = _Collected()
    text = parts.take(CONFIGURATION, partial(caller.read_bytes, configuration))
    steady = _take_state(parts, socket, _journal_of(text))
    reachable = STATUS in parts.members
    for name, verb in _questions(audit=audit):
        if reachable:
            parts.take(name, partial(_asked, socket, verb))
        else:
            parts.miss(name, "not asked: the daemon did not tell its state")
    if _enforces(text):
        parts.take(
            "policy.json",
            partial(_asked, policy_socket, "VCND_POLICY_STATUS", "vcnd-policy"),
        )
    for name, program in PROGRAMS.items():
        parts.take(name, partial(caller.output_of, *program))
    return parts.bundle(steady=steady)


def bundle_of(given: Mapping[str, bytes]) -> Bundle:
    """Return a bundle of parts that were collected elsewhere, without secrets."""
    parts = _Collected()
    for name, data in given.items():
        parts.put(name, data)
    return parts.bundle(steady=True)


def _questions(*, audit: bool) -> Iterator[tuple[str, str]]:
    yield "calls.json", verbs.TRACE.name
    yield "metrics.json", verbs.METRICS.name
    if audit:
        yield AUDIT, verbs.AUDIT.name


def _take_state(parts: _Collected, socket: str, journal: Path) -> bool:
    """Take the daemon's state and its journal; return True if they are of one time."""
    after = _read(journal)
    before = None
    for _ in range(TRIES):
        before = after
        parts.take(STATUS, partial(_asked, socket, verbs.STATUS.name))
        after = _read(journal)
        if before == after or STATUS not in parts.members:
            break
    if isinstance(after, bytes):
        parts.put(JOURNAL, after)
    else:
        parts.miss(JOURNAL, after)
    return before == after


def _read(journal: Path) -> bytes | str:
    """Return the journal, or why it cannot be read."""
    try:
        return caller.read_bytes(journal)
    except OSError as error:
        return str(error)


def _asked(socket: str, verb: str, unit: str = "vcnd") -> bytes:
    return msgspec.json.format(msgspec.json.encode(ask(socket, verb, unit=unit)))


def _section(text: bytes, name: str) -> dict[str, Any]:
    """Return a section of the configuration; nothing if it cannot be read."""
    try:
        section = tomllib.loads(text.decode()).get(name, {})
    except UNDECODABLE:
        return {}
    return section if isinstance(section, dict) else {}


def _journal_of(text: bytes) -> Path:
    return Path(str(_section(text, "node").get("state_directory", STATE))) / "journal"


def _enforces(text: bytes) -> bool:
    return bool(_section(text, "policy").get("enforcement", "off") != "off")
