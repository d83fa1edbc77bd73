"""The express lane: BPF programs that forward packets of established connections.

``bpf/express.c`` says what they do.  One task brings the kernel to the desired state:
the programs at the pods' VNICs, and at the links of the pods that may use the lane.
ADD does not wait for it.  DEL takes the pod out at once, and each change of the node's
rules raises the epoch: connections take the ordinary way until they are proven again.

The programs outlive the daemon.  Its next life loads them afresh and replaces those
that it finds, link by link.
"""

import errno
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Never, TypeVar

import trio

from vcnd.bpf.elf import ObjectError
from vcnd.bpf.maps import Map
from vcnd.linux.judge import changes_rules
from vcnd.linux.lane import gate, hooks
from vcnd.linux.lane.hooks import Hooks
from vcnd.linux.lane.kernel import LaneKernel, sweep
from vcnd.linux.lane.pods import Legs
from vcnd.linux.lane.programs import OBJECT, LanePrograms
from vcnd.linux.lane.reasons import (
    BY_COMMAND,
    BY_CONFIGURATION,
    WITHDRAWN,
    passes_by_itself,
    why_refused,
    why_unfit,
)
from vcnd.linux.layout import Layout
from vcnd.log import log
from vcnd.model.cause import Fault
from vcnd.model.express import ExpressState
from vcnd.signals import Bell

T = TypeVar("T")

NO_BPF = (errno.EPERM, errno.EACCES, errno.ENOSYS)
"""Errors of bpf(2) where the kernel or its policy lets this process use none of it."""
GATHER_SECONDS = 0.05
"""Changes are gathered until none has come for this long: pods start by the dozen, and
the work for one's programs would slow the next one's ADD."""
MOST_SECONDS = 1.0
"""So long changes are gathered at most."""
CHECK_SECONDS = 5.0
"""Others change what makes no event: a setting, an MTU, a link's programs."""


class Lane:
    """Keeps the express lane as it should be, in the namespace where it is made.

    Attributes:
        proves: True if the rule set is to have the chain that marks packets for it.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        pods: Callable[[], Mapping[str, Legs]],
        vnics: Callable[[], Collection[str]],
        settle: Callable[[], Awaitable[None]],
        programs: Path = OBJECT,
        make_hooks: Callable[[str], Hooks] = hooks.hooks,
    ) -> None:
        """Make it; it is off until ``resume``.

        Args:
            layout: whether it is on, and the mark of packets that may enter.
            pods: returns the pods that may use it.
            vnics: returns the links of the pods' VNICs.
            settle: loads the rule set again, after ``proves`` has changed.
            programs: the object file.
            make_hooks: returns the way to attach programs, for a prefix of pods' links.
        """
        self.proves = False
        self._proof, self._own_table = layout.proof_mark, layout.nft_table
        self._pods, self._vnics, self._settle = pods, vnics, settle
        self._programs = programs
        self._make_hooks = partial(make_hooks, layout.link_prefix)
        self._switched_off = None if layout.express else BY_CONFIGURATION
        self._refused: Fault | None = None
        """Why the kernel does not take the programs, until they are wanted anew."""
        self._why_off: Fault | None = WITHDRAWN
        self._withdrawn = True
        self._kernel: LaneKernel | None = None
        self._gate: Map | None = None
        """The same for all loads of the programs: others have it, too."""
        self._gate_made = trio.Event()
        self._swept = False
        """True if no link has programs of an earlier life, while it is off."""
        self._check_at = -CHECK_SECONDS
        self._stirred = Bell()
        self._turn = trio.Lock()
        self._thread = trio.CapacityLimiter(1)

    # What the host tells it

    def resume(self) -> None:
        """Note that the node is being set up; ``stir`` follows."""
        self._withdrawn = False
        self.proves = self._reason() is None

    def stir(self) -> None:
        """Note that pods or VNICs have changed."""
        self._stirred.ring()

    def exclude(self, ifname: str) -> None:
        """Take a pod out: when this returns, none of its packets is in the lane."""
        if self._kernel is not None:
            try:
                self._kernel.exclude(ifname)
            except OSError as error:
                # Its link is cut next; the task looks again.
                log.error("express_refused", link=ifname, reason=str(error))
            self.stir()

    def renew(self) -> None:
        """Let each connection prove itself again: the rules have changed.

        A worker thread may call it, also while the lane is taken down.
        """
        kernel = self._kernel
        if kernel is not None:
            kernel.programs.raise_epoch()

    def hear_nft(self, data: bytes | None) -> None:
        """Note others' changes of the rules; None when some were lost."""
        if data is None or changes_rules(data, self._own_table):
            self.renew()

    async def withdraw(self) -> None:
        """Remove it from the kernel, until ``resume``.

        Raises:
            OSError: a part of it may be left.
        """
        self._withdrawn, self.proves = True, False
        async with self._turn:
            self._why_off = WITHDRAWN
            await self._take_down()

    # What others ask of it

    async def state(self) -> ExpressState:
        """Return its state now."""
        async with self._turn:
            kernel = self._kernel
            if kernel is None:
                return ExpressState(on=False, why=self._why_off)
            express, ordinary = kernel.programs.packets()
            flows = await self._in_thread(kernel.programs.flows)
            return ExpressState(
                on=True,
                pods=len(kernel.pods),
                flows=flows,
                express_packets=express,
                ordinary_packets=ordinary,
            )

    async def gate(self) -> int:
        """Return the descriptor of the lane's gate, once there is one.

        It is open as long as the process lives, and is always the same.
        """
        await self._gate_made.wait()
        if self._gate is None:
            raise AssertionError("the event follows the gate")
        return self._gate.descriptor

    async def switch(self, *, on: bool) -> None:
        """Switch it on or off; it is so at the return."""
        self._switched_off = None if on else BY_COMMAND
        self._refused = None
        await self._follow()

    # Work

    async def run(self) -> Never:
        """Bring the kernel to the desired state whenever that may have changed."""
        try:
            while True:
                stirred = self._stirred.take()
                await self._follow()
                with trio.move_on_after(CHECK_SECONDS):
                    await stirred.wait()
                    await self._until_quiet()
        finally:
            kernel, self._kernel = self._kernel, None
            if kernel is not None:
                kernel.close()
        raise AssertionError("the loop never ends")

    async def _until_quiet(self) -> None:
        with trio.move_on_after(MOST_SECONDS):
            quiet = False
            while not quiet:
                with trio.move_on_after(GATHER_SECONDS) as scope:
                    await self._stirred.take().wait()
                quiet = scope.cancelled_caught

    def _reason(self) -> Fault | None:
        """Return why it has to be off."""
        return self._switched_off or why_unfit(self._programs) or self._refused

    async def _follow(self) -> None:
        async with self._turn:
            if self._withdrawn:
                return
            why = self._reason()
            if why is None and self._kernel is None:
                why = await self._load()
            if why is None:
                await self._bring()
            else:
                try:
                    await self._take_down()
                except OSError as error:
                    log.error("express_refused", link="", reason=str(error))
            self._tell(why)
            news = self.proves != (why is None)
            self.proves = why is None
        if news:
            await self._settle()

    def _tell(self, why: Fault | None) -> None:
        if why == self._why_off:
            return
        self._why_off = why
        if why is None:
            log.info("express_on")
        else:
            log.warning("express_off", cause=why.cause, reason=why.reason)

    async def _load(self) -> Fault | None:
        """Load the programs; return why they are refused."""

        def load() -> LaneKernel:
            if self._gate is None:
                self._gate = Map("vcnd_gate", gate.SHAPE)
            code = self._programs.read_bytes()
            programs = LanePrograms(code, self._proof, self._gate)
            try:
                made = LaneKernel(programs, self._make_hooks())
            except OSError:
                programs.close()
                raise
            programs.raise_epoch()
            self._swept = False
            return made

        try:
            self._kernel = await self._in_thread(load)
        except (OSError, ObjectError) as error:
            why = why_refused(error)
            # Else the next look tries again.
            if not passes_by_itself(error):
                self._refused = why
            return why
        self._gate_made.set()
        return None

    async def _bring(self) -> None:
        kernel, now = self._kernel, trio.current_time()
        if kernel is None:
            return
        check = now >= self._check_at
        if check:
            self._check_at = now + CHECK_SECONDS
        pods, vnics = self._pods(), self._vnics()
        try:
            await self._in_thread(lambda: kernel.attach(pods, vnics, check=check))
            # Of those that are plugged now: some may be gone by the time.
            kernel.admit(self._pods())
        except OSError as error:
            log.error("express_refused", link="", reason=str(error))

    async def _take_down(self) -> None:
        """Leave nothing of it in the kernel, also of an earlier life.

        Raises:
            OSError: a part of it may be left.
        """
        kernel, self._kernel = self._kernel, None
        if kernel is not None:
            kernel.programs.stop()  # at once; what follows takes longer
            kernel.close()
            self._swept = False
        if self._swept:
            return

        def clear() -> None:
            with closing(self._make_hooks()) as found:
                sweep(found)

        try:
            await self._in_thread(clear)
        except OSError as error:
            # Who may not use bpf(2) has left nothing.
            if error.errno not in NO_BPF:
                raise
        self._swept = True

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(call, limiter=self._thread)
