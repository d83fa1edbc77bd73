"""What has to be written at once, and what may stay for a while."""

from collections.abc import Mapping

import pytest

from vcnd.core.early_addresses import Early, misleads

X, Y, SIX = "10.0.0.1", "10.0.0.2", "fd00::1"


@pytest.mark.parametrize(
    ("told", "wanted", "held", "expected"),
    [
        ({}, {}, {}, False),
        ({"a": (X,)}, {"a": (X,)}, {X: "a"}, False),
        # Something is new, or another one than was told.
        ({}, {"a": (X,)}, {}, True),
        ({"a": (X,)}, {"a": (Y,)}, {}, True),
        ({"a": (X,)}, {"a": (X, SIX)}, {}, True),
        ({"a": (X,)}, {"a": (X,), "b": (Y,)}, {}, True),
        # A pod that nobody reads about any more.
        ({"gone": (X,)}, {}, {}, False),
        ({"gone": (X,)}, {}, {X: "gone"}, False),
        # The pod here has the address no more, or another pod has it now.
        ({"here": (X,)}, {}, {}, True),
        ({"gone": (X,)}, {}, {X: "b"}, True),
        ({"gone": (X, SIX)}, {}, {SIX: "b"}, True),
        ({"gone": (X,)}, {}, {Y: "b"}, False),
    ],
)
def test_what_misleads_is_written_at_once(
    told: Early, wanted: Early, held: Mapping[str, str], expected: bool
) -> None:
    awaited = {"a", "b", "here"}
    assert misleads(told, wanted, awaited=awaited, held=held) is expected
