"""The express lane: BPF programs that forward packets of established connections."""

from vcnd.linux.layout import Layout
from vcnd.model.cause import Cause, Fault
from vcnd.model.express import ExpressState

BY_CONFIGURATION = Fault(
    Cause.SWITCHED_OFF, "the configuration switches it off: [node] express"
)
BY_COMMAND = Fault(
    Cause.SWITCHED_OFF,
    "a command switched it off: `vcndctl express on` switches it on again",
)
NOT_BUILT = Fault(
    Cause.NOT_BUILT, "this build of vcnd lacks the BPF programs: clang was missing"
)


class Lane:
    """Keeps the express lane as it should be."""

    def __init__(self, layout: Layout) -> None:
        self._off = None if layout.express else BY_CONFIGURATION

    def state(self) -> ExpressState:
        """Return its state now."""
        return ExpressState(on=False, why=self._off or NOT_BUILT)

    def switch(self, *, on: bool) -> None:
        """Switch it on or off until the daemon ends."""
        self._off = None if on else BY_COMMAND
