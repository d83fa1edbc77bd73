"""A cloud that has something of each kind, made once for all tests of a file."""

from collections.abc import Iterator

import pytest
import trio

from tests.fakeoci.accepted import MadeCloud, made_cloud


@pytest.fixture(scope="module")
def made() -> MadeCloud:
    return trio.run(made_cloud)


@pytest.fixture
def cloud(made: MadeCloud) -> Iterator[MadeCloud]:
    yield made
    made.put_back()
