"""Oracle's CLI and its SDKs of other languages, each behind a small program of our own.

A judge reads one call a line and answers with the response as its SDK decoded it.  It
is built from pinned sources if its toolchain is present, in a cache of its own.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from integration.contract import sdk
from integration.lab.cnitool import cache

HERE = Path(__file__).parent
BUILD_SECONDS = 1200


class SdkError(Exception):
    """The SDK itself failed: it could not decode an answer, or send a call."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language: its toolchain, and how its judge is built and started."""

    name: str
    tool: str
    build: Callable[[str], list[str]]
    """Returns the command that builds the sources in their folder, given the tool."""
    start: Callable[[str, Path], list[str]]
    version: str = ""
    """The toolchain's version, if the built judge fits no other."""

    def place(self) -> Path:
        """Return the folder of the judge that is built from these sources."""
        sources = sorted(p for p in (HERE / self.name).iterdir() if p.is_file())
        parts = [self.version.encode(), *(p.read_bytes() for p in sources)]
        digest = hashlib.sha256(b"".join(parts))
        return cache() / f"judge-{self.name}-{digest.hexdigest()[:12]}"

    def prepare(self) -> str:
        """Build the judge unless it exists; return what was done, in words.

        Raises:
            RuntimeError: it cannot be built; the text has the tool's reason.
        """
        tool = shutil.which(self.tool)
        if tool is None:
            return f"{self.name}: no {self.tool} on this machine, its SDK is no judge"
        if self.place().exists():
            return f"{self.name}: its SDK is there"
        cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache()) as made:
            work = Path(made) / "judge"
            shutil.copytree(HERE / self.name, work)
            done = subprocess.run(
                self.build(tool),
                cwd=work,
                capture_output=True,
                text=True,
                timeout=BUILD_SECONDS,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(f"{self.name}: {done.stderr.strip()[-1000:]}")
            work.rename(self.place())
        return f"{self.name}: its SDK was built"

    @property
    def present(self) -> bool:
        """Return True if the judge was built and its toolchain is here."""
        return shutil.which(self.tool) is not None and self.place().exists()


LANGUAGES = (
    Language(
        "golang",
        "go",
        lambda go: [go, "build", "-trimpath", "-o", "judge", "."],
        lambda _go, place: [str(place / "judge")],
    ),
    Language(
        "typescript",
        "node",
        lambda _node: ["npm", "ci", "--no-audit", "--no-fund"],
        lambda node, place: [node, str(place / "judge.js")],
    ),
    Language(
        "cli",
        sys.executable,
        # It uses the SDK that judges in Python already.  The CLI finds its parts by
        # the folder's name.
        lambda python: [
            *(python, "-m", "pip", "--disable-pip-version-check", "install", "-q"),
            *("--no-deps", "--require-hashes", "-r", "requirements.txt"),
            *("--target", "site-packages"),
        ],
        lambda python, place: [
            *(python, str(place / "judge.py")),
            *(str(place / "site-packages"), str(sdk.place())),
        ],
        version=f"py{sys.version_info.major}{sys.version_info.minor}",
    ),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, as an SDK decoded it."""

    status: int
    code: str
    message: str
    data: Any
    headers: dict[str, str]


@dataclass(slots=True)
class Judge:
    """A running judge."""

    to: IO[str]
    back: IO[str]
    lacking: set[str] = field(default_factory=set)
    """The operations that the SDK does not have."""

    def say(self, document: dict[str, Any]) -> dict[str, Any]:
        """Send a line and return the answer to it."""
        self.to.write(json.dumps(document) + "\n")
        self.to.flush()
        line = self.back.readline()
        if not line:
            raise SdkError("the judge ended")
        answer: dict[str, Any] = json.loads(line)
        if "broken" in answer:
            raise SdkError(answer["broken"])
        return answer

    def call(self, operation: str, body: Any = None, **where: Any) -> Answer:
        """Let the SDK call an operation.

        Args:
            operation: its name in the API.
            body: the request's body.
            where: the other parameters; ``if_match`` and the like are headers.
                ``retry=True`` lets the SDK retry, ``until="AVAILABLE"`` lets it wait.
        """
        how = {"retry": where.pop("retry", False), "until": where.pop("until", "")}
        names = {
            name.replace("_", "-") if name.startswith(("if_", "opc_")) else name: value
            for name, value in where.items()
        }
        reply = self.say({"operation": operation, "body": body, "with": names, **how})
        if reply.get("lacking"):
            self.lacking.add(operation)
        return Answer(
            reply.get("status", 0),
            reply.get("code", ""),
            reply.get("message", ""),
            reply.get("data"),
            reply.get("headers", {}),
        )


@contextmanager
def running(
    language: Language, settings: dict[str, str], environment: dict[str, str]
) -> Iterator[Judge]:
    """Start a judge with these settings; it ends with the block."""
    tool = shutil.which(language.tool) or language.tool
    with subprocess.Popen(
        language.start(tool, language.place()),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        try:
            if process.stdin is None or process.stdout is None:
                raise SdkError("the judge has no pipes")
            judge = Judge(process.stdin, process.stdout)
            judge.say(settings)
            yield judge
        finally:
            process.kill()
