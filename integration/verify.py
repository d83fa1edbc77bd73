"""``./vcn check`` and ``./vcn test``: what a change must pass."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from integration import leaks
from integration.browser import axe, chromium
from integration.build import prometheus
from integration.chart import programs
from integration.contract import judges, sdk
from integration.lab import apiserver, cnitool, enclosure

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
CHECKS = (
    ("format", [str(BIN / "ruff"), "format", "--check", "-q", "."]),
    ("lint", [str(BIN / "ruff"), "check", "-q", "."]),
    ("types", [str(BIN / "mypy")]),
    ("contracts", [str(BIN / "lint-imports")]),
)
CRASH_SAMPLE = (
    *("--every", "29"),
    *("--scenario", "add", "--scenario", "del", "--scenario", "gc"),
)
"""Half a minute."""
FUZZ_SECONDS = 10
"""Of all targets; each starts a process, which takes a second more."""
LAST_LINES = 30
"""Shown of a program that did not do its work."""
DEMOS = (
    (),
    ("--world", "--image-profile", "ubuntu", "--express", "off"),
    ("--dual-stack",),
)


@click.group()
def main() -> None:
    """Check and test."""


@main.command()
def check() -> None:
    """Format, lint, types and import contracts."""
    failed = [name for name, command in CHECKS if not _passes(name, command)]
    sys.exit(f"check: failed: {', '.join(failed)}" if failed else 0)


def _passes(name: str, command: list[str]) -> bool:
    done = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True
    )
    click.echo(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'}")
    if done.returncode:
        click.echo(done.stdout + done.stderr)
    return done.returncode == 0


@main.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--fast",
    is_flag=True,
    help="Only the tests that need no namespaces and are not marked slow.",
)
@click.argument("arguments", nargs=-1)
def test(arguments: tuple[str, ...], *, fast: bool) -> None:
    """All tests that this machine can run; further arguments go to pytest."""
    began = time.monotonic()
    chosen = arguments
    if fast:
        os.environ.update(_fast_environment())
        # No test of this group reads log records: to catch them costs each some time.
        chosen = ("-m", "not slow", "-p", "no:logging", *arguments)
    # A second process takes longer to start than it saves in the fast group.
    workers = () if fast else _workers()
    codes = [_pytest("tests", (*workers, *chosen))]
    if not fast:
        with _beside(arguments) as others:
            click.echo(cnitool.build())
            click.echo(apiserver.build_programs())
            click.echo(prometheus.get_programs())
            codes.append(_enclosed(arguments))
            codes.append(_fuzz())
            codes += [_demo(*which) for which in DEMOS]
            codes.append(_crash())
        codes.append(others.returncode)
    wall = time.monotonic() - began
    click.echo(f"took {wall:.1f} s, {_processor_seconds():.1f} s of processor time")
    sys.exit(verdict(codes))


@contextmanager
def _beside(arguments: tuple[str, ...]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the tests that need no namespaces beside the block, if there are two cores.

    What they print is shown when they have ended, after the block.
    """
    command = [sys.executable, "-m", "integration.verify", "unenclosed", *arguments]
    with tempfile.TemporaryFile() as printed:
        with subprocess.Popen(
            command, cwd=ROOT, stdout=printed, stderr=subprocess.STDOUT
        ) as process:
            if not _workers():
                process.wait()
            yield process
        printed.seek(0)
        shutil.copyfileobj(printed, sys.stdout.buffer)


@main.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1)
def unenclosed(arguments: tuple[str, ...]) -> None:
    """Run the tests in ``integration`` that need no namespaces."""
    codes = [_contract(arguments)]
    click.echo(programs.build_programs())
    codes.append(_pytest("integration/outside", arguments))
    codes.append(_browser(arguments))
    sys.exit(verdict(codes))


def verdict(codes: Sequence[int]) -> int:
    """Return one exit code for several programs: 0 only if all of them passed.

    Args:
        codes: their return codes, as ``subprocess`` tells them: negative if a signal
            ended the program.  Such a code becomes 128 and the signal's number, as
            in a shell.
    """
    return max(128 - code if code < 0 else code for code in codes)


def _fast_environment() -> dict[str, str]:
    """Return settings that save processor time.

    Compiled tests are kept, in the virtual environment, also where the shell says
    that Python shall not write them: their assertions take long to compile.
    """
    return {
        "HYPOTHESIS_PROFILE": os.environ.get("HYPOTHESIS_PROFILE", "few"),
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(Path(sys.prefix) / "compiled"),
    }


def _workers() -> tuple[str, ...]:
    """Return pytest's option for processes side by side, two where there are cores.

    The tests in ``tests`` share no port and no file; those in ``integration`` share
    caches, the kernel and the machine's time, and are run by one process each.
    """
    cores = len(os.sched_getaffinity(0))
    return ("-n", "2") if cores > 1 else ()


def _processor_seconds() -> float:
    """Return the processor time of this process and of all that it waited for."""
    spent = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, spent))


def _pytest(where: str, arguments: tuple[str, ...]) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-rs", *arguments]
    if where:
        command.append(where)
    return _run(command)


def _run(command: list[str]) -> int:
    """Run a program; return its exit code, or 1 if it printed a secret."""
    code, found = leaks.run(command, ROOT)
    return verdict([code, _told(found)])


def _told(found: list[str]) -> int:
    """Name the secrets that were printed; return 1 if there are any."""
    for leak in found:
        click.echo(f"I12: {leak}")
    return int(bool(found))


def _contract(arguments: tuple[str, ...]) -> int:
    """Let Oracle's own SDKs judge the fake."""
    try:
        click.echo(sdk.install())
        for language in judges.LANGUAGES:
            click.echo(language.prepare())
    except RuntimeError as error:
        click.echo(str(error))
        return 1
    return _pytest("integration/contract", arguments)


def _browser(arguments: tuple[str, ...]) -> int:
    """Let a real browser show the console's page."""
    try:
        click.echo(chromium.prepare())
        click.echo(axe.prepare())
    except RuntimeError as error:
        click.echo(str(error))
        return 1
    return _pytest("integration/browser", arguments)


def _enclosed(arguments: tuple[str, ...]) -> int:
    return _run([sys.executable, "-m", "integration.verify", "enclosed", *arguments])


@main.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1)
def enclosed(arguments: tuple[str, ...]) -> None:
    """Run the tests that need namespaces, in namespaces of their own.

    Arguments may name files or tests; else all of them run.
    """
    enclosure.enter("integration.verify", ["enclosed", *arguments])
    named = any(a.startswith("integration/tests") for a in arguments)
    sys.exit(_pytest("" if named else "integration/tests", arguments))


def _fuzz() -> int:
    """Search a little for inputs that break a rule, each time the same ones first."""
    return _run([sys.executable, "-m", "tests.fuzz", "--seconds", str(FUZZ_SECONDS)])


def _demo(*options: str) -> int:
    """Run the demo itself, and print its counts as a test runner does."""
    what = " ".join(("demo", *options))
    found, code = _reported(what, "integration.demo", "--json", *options)
    if found is None:
        return code
    failed = [c for c in found["checks"] if not c["ok"]]
    for one in failed:
        click.echo(f"{what}: {one['name']}: {one['detail']}")
    passed = len(found["checks"]) - len(failed)
    click.echo(f"{what}: {passed} passed, {len(failed)} failed")
    return code


def _crash() -> int:
    """Kill the daemon at some steps, and print counts as a test runner does."""
    found, code = _reported("crash", "integration.crash", "--json", *CRASH_SAMPLE)
    if found is None:
        return code
    for violation in found["violations"]:
        click.echo(f"crash: {violation}")
    runs, failed = found["kills"] + found["errnos"], len(found["violations"])
    click.echo(f"crash: {runs} stops of the daemon, {failed} violations")
    return code


def _reported(what: str, *module: str) -> tuple[Any, int]:
    """Run a program of ours that prints JSON; return this, and the exit code.

    None in place of it: the program printed none, and its last lines were shown.
    """
    command = [sys.executable, "-m", *module]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    leaked = _told(leaks.found(done.stdout + done.stderr))
    code = verdict([done.returncode, leaked])
    try:
        return json.loads(done.stdout), code
    except ValueError:
        last = done.stderr.decode(errors="replace").splitlines()[-LAST_LINES:]
        click.echo("\n".join((f"{what}: did not run", *last)))
        return None, verdict([code, 1])


if __name__ == "__main__":
    main()
