"""Why the express lane is off."""

import errno
from pathlib import Path

import pytest

from tests.no_files import no_more_files
from vcnd.bpf.call import BpfError
from vcnd.bpf.elf import ObjectError
from vcnd.linux.lane.reasons import passes_by_itself, why_refused, why_unfit
from vcnd.model.cause import Cause


@pytest.mark.parametrize(
    ("setting", "cause"),
    [("1\n", None), ("0\n", Cause.TRACKING_STRICT), (None, Cause.TRACKING_STRICT)],
)
def test_the_lane_needs_liberal_tracking(
    tmp_path: Path, setting: str | None, cause: Cause | None
) -> None:
    programs, liberal = tmp_path / "express.o", tmp_path / "be_liberal"
    programs.touch()
    if setting is not None:
        liberal.write_text(setting)
    fault = why_unfit(programs, liberal)
    assert (fault and fault.cause) == cause


def test_setting_that_cannot_be_read_now_keeps_the_lane(tmp_path: Path) -> None:
    programs, liberal = tmp_path / "express.o", tmp_path / "be_liberal"
    programs.touch()
    liberal.write_text("1\n")
    with no_more_files():
        fault = why_unfit(programs, liberal)
    assert fault is None


def test_the_lane_needs_its_programs(tmp_path: Path) -> None:
    fault = why_unfit(tmp_path / "express.o", tmp_path / "be_liberal")
    assert fault is not None
    assert fault.cause is Cause.NOT_BUILT


@pytest.mark.parametrize(
    ("error", "cause", "says"),
    [
        (BpfError(errno.EPERM, "create map"), Cause.NOT_PERMITTED, "CAP_BPF"),
        (
            BpfError(errno.EINVAL, "load program x", "R5 !read_ok"),
            Cause.KERNEL_REFUSED,
            "load program x: Invalid argument: R5 !read_ok",
        ),
        (ObjectError("it is damaged"), Cause.NOT_BUILT, "it is damaged"),
    ],
)
def test_a_refusal_has_a_cause_and_the_kernels_words(
    error: OSError | ObjectError, cause: Cause, says: str
) -> None:
    fault = why_refused(error)
    assert fault.cause is cause
    assert says in fault.reason


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (BpfError(errno.ENOMEM, "create map"), True),
        (OSError(errno.ENOBUFS, "clsact"), True),
        (BpfError(errno.EPERM, "create map"), False),
        (BpfError(errno.EINVAL, "load program x"), False),
        (ObjectError("no section"), False),
    ],
)
def test_want_of_memory_passes_by_itself(
    error: OSError | ObjectError, *, passes: bool
) -> None:
    """The lane stayed off until a command when the kernel once had no memory."""
    assert passes_by_itself(error) == passes
