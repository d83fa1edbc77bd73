"""A run of tests passed only if each of its programs returned 0."""

import signal

import pytest

from integration.verify import verdict


@pytest.mark.parametrize(
    ("codes", "one"),
    [
        ([0], 0),
        ([0, 0, 0], 0),
        ([0, 1, 0], 1),
        ([5, 1], 5),
        ([0, -signal.SIGKILL], 137),
        ([-signal.SIGSEGV, 0], 139),
        ([1, -signal.SIGTERM], 143),
    ],
)
def test_verdict_is_zero_only_if_all_codes_are(codes: list[int], one: int) -> None:
    assert verdict(codes) == one
