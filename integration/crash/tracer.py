"""A process that traces a daemon, and kills it or refuses a call at one of its steps.

It is a process of its own: the kernel tells all about a thread to one tracing thread,
which waits for nothing else meanwhile.
"""

import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from integration.crash import plan as plans
from integration.crash import ptrace, targets
from integration.crash.plan import Acted, Attached, Leave, Left, Plan, Trace
from integration.crash.ptrace import Entry
from integration.crash.reading import Place, Reader
from integration.crash.steps import Ended, Kind, Step, refusals

QUIET_POLL_MILLISECONDS = 20


class Tracing:
    """One daemon, its threads and its children, while they are traced."""

    def __init__(self, pid: int, place: Place, plan: Plan) -> None:
        self._pid = pid
        self._plan = plan
        self._reader = Reader(place, pid)
        self._processes: dict[int, int] = {}
        """Thread → its process."""
        self._inside: dict[int, Step] = {}
        """Thread → the step that it is in."""
        self._refused: dict[int, int] = {}
        """Thread → the error of the call that it is in."""
        self.steps: list[Step] = []
        self.ends: list[Ended] = []
        self.planned: Step | None = None
        """The plan's step, when it has come."""
        self.error = 0
        self.killed = False
        self.stepped_at = time.monotonic()

    def attach(self) -> None:
        """Attach to all threads; new ones come by themselves."""
        found = True
        while found:
            tids = {int(p.name) for p in Path(f"/proc/{self._pid}/task").iterdir()}
            found = bool(tids - self._processes.keys())
            for tid in tids - self._processes.keys():
                with suppress(ProcessLookupError):
                    ptrace.seize(tid)
                    self._processes[tid] = self._pid

    def leave(self) -> None:
        """Let all threads go on untraced."""
        for tid in list(self._processes):
            with suppress(ProcessLookupError):
                ptrace.call(ptrace.INTERRUPT, tid)
        while True:
            try:
                tid, status = os.waitpid(-1, ptrace.WALL)
            except ChildProcessError:
                return  # new threads, too, that nobody has heard of yet
            if not os.WIFSTOPPED(status):
                continue
            number = os.WSTOPSIG(status)
            if number == ptrace.SYSCALL_STOP:
                self._end(tid)
            else:
                self._follow(tid, status)
            was = number if self._is_signal(status) else 0
            with suppress(ProcessLookupError):
                ptrace.call(ptrace.DETACH, tid, 0, was)

    def stopped(self, tid: int, status: int) -> None:
        """Do what is to be done at a stop of a thread, and let it go on."""
        if not os.WIFSTOPPED(status):
            self._processes.pop(tid, None)
            return
        try:
            if os.WSTOPSIG(status) == ptrace.SYSCALL_STOP:
                self._system_call(tid)
                ptrace.resume(tid)
            elif self._is_signal(status):
                ptrace.resume(tid, os.WSTOPSIG(status))
            else:
                self._follow(tid, status)
                ptrace.resume(tid)
        except ProcessLookupError:
            pass  # it is being killed: its end comes as another status

    @staticmethod
    def _is_signal(status: int) -> bool:
        return status >> 16 == 0 and os.WSTOPSIG(status) != ptrace.SYSCALL_STOP

    def _follow(self, tid: int, status: int) -> None:
        """Note a thread that is new, or that has become a process' only one."""
        if tid not in self._processes:
            lines = Path(f"/proc/{tid}/status").read_text().splitlines()
            tgid = next(line for line in lines if line.startswith("Tgid:"))
            self._processes[tid] = int(tgid.split()[1])

    def _system_call(self, tid: int) -> None:
        at = ptrace.system_call(tid)
        if isinstance(at, Entry):
            self._begin(tid, at)
        elif at is not None:
            self._end(tid)

    def _begin(self, tid: int, entry: Entry) -> None:
        pid = self._processes.get(tid, tid)
        step = self._reader.step(len(self.steps) + 1, pid, entry)
        if step is None:
            return
        self.steps.append(step)
        self._inside[tid] = step
        self.stepped_at = time.monotonic()
        plan = self._plan
        if self.planned is not None or not plan.stops_at(self.steps):
            return
        self.planned = step
        if plan.after:
            return
        ptrace.skip(tid)
        if plan.refuse:
            errors = refusals(step)
            self.error = errors[step.number % len(errors)]
            self._refused[tid] = self.error
            if step.kind is Kind.HTTP:
                # An end of the connection is what these errors say.
                targets.cut(pid, entry.arguments[0])
        else:
            self._kill()

    def _end(self, tid: int) -> None:
        step = self._inside.pop(tid, None)
        if step is None:
            return
        error = self._refused.pop(tid, 0)
        if error:
            ptrace.refuse(tid, error)
        at = ptrace.system_call(tid)
        if at is not None and not isinstance(at, Entry):
            self.ends.append(Ended(step=step, result=at.result))
        if self._plan.after and step is self.planned and not self.killed:
            self._kill()

    def _kill(self) -> None:
        """Kill the daemon and the programs that it runs, as systemd does."""
        self.killed = True
        for pid in {self._pid, *self._processes.values()}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Tracer:
    """Does what the lines on standard input say."""

    def __init__(self) -> None:
        self._wake, wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        self._tracing: Tracing | None = None
        self._told = False
        self._quiet_seconds: float | None = None

    def run(self) -> None:
        """Serve until the input ends."""
        stdin, inputs = sys.stdin.fileno(), b""
        poll = select.poll()
        poll.register(stdin, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while True:
            wait = None if self._quiet_seconds is None else QUIET_POLL_MILLISECONDS
            for descriptor, _ in poll.poll(wait):
                if descriptor == self._wake:
                    with suppress(BlockingIOError):
                        os.read(self._wake, 4096)
                    continue
                data = os.read(stdin, 1 << 16)
                if not data:
                    return
                *lines, inputs = (inputs + data).split(b"\n")
                for line in lines:
                    self._obey(plans.command(line))
            self._reap()

    def _obey(self, command: plans.Command) -> None:
        if isinstance(command, Trace):
            self._told, self._quiet_seconds = False, None
            self._tracing = Tracing(command.pid, command.place, command.plan)
            self._tracing.attach()
            _tell(Attached())
        elif isinstance(command, Leave):
            self._quiet_seconds = command.quiet_seconds

    def _reap(self) -> None:
        tracing, is_over = self._tracing, False
        while tracing is not None:
            try:
                tid, status = os.waitpid(-1, os.WNOHANG | ptrace.WALL)
            except ChildProcessError:
                is_over = True
                break
            if not tid:
                break
            tracing.stopped(tid, status)
        if tracing is None:
            return
        if tracing.planned is not None and not self._told:
            self._told = True
            _tell(Acted(killed=tracing.killed))
        if is_over:
            self._conclude(tracing, gone=True)
        elif (
            self._quiet_seconds is not None
            and not tracing.killed
            and time.monotonic() > tracing.stepped_at + self._quiet_seconds
        ):
            tracing.leave()
            self._conclude(tracing, gone=False)

    def _conclude(self, tracing: Tracing, *, gone: bool) -> None:
        self._tracing = None
        left = Left(
            steps=tuple(tracing.steps),
            ends=tuple(tracing.ends),
            step=tracing.planned,
            error=tracing.error,
            gone=gone,
        )
        _tell(left)


def _tell(event: plans.Event) -> None:
    sys.stdout.buffer.write(plans.encode(event))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    Tracer().run()
