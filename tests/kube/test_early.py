"""The annotation that tells addresses early: written, and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcnd.kube import early

UIDS = st.uuids().map(str)
ADDRESSES = st.lists(st.ip_addresses().map(str), min_size=1, max_size=2).map(tuple)


@given(st.dictionaries(UIDS, ADDRESSES, min_size=1, max_size=5))
def test_annotation_is_read_as_it_was_written(told: dict[str, tuple[str, ...]]) -> None:
    value = early.encode(told)
    assert value is not None
    assert early.decode(value) == told


def test_annotation_keeps_the_form_that_nodes_of_other_versions_read() -> None:
    golden = '{"uid-1":["10.0.0.1","fd00::1"],"uid-2":["10.0.0.2"]}'
    told = {"uid-1": ("10.0.0.1", "fd00::1"), "uid-2": ("10.0.0.2",)}
    assert early.encode(told) == golden
    assert early.decode(golden) == told


def test_annotation_of_no_pods_is_none() -> None:
    assert early.encode({}) is None
    assert early.decode("{}") == {}


def test_annotation_is_small_enough_for_an_object() -> None:
    told = {f"{n:036}": ("10.0.0.1", "fd00::1") for n in range(2000)}
    value = early.encode(told)
    assert value is not None
    assert len(value) <= early.MOST_BYTES
    kept = list(early.decode(value))
    assert len(kept) > 500
    assert kept == list(told)[: len(kept)]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "[]",
        "null",
        '{"u": "10.0.0.1"}',
        '{"u": [1]}',
        '{"u": null}',
        "[" * 9999,
    ],
)
def test_malformed_annotation_is_named(value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        early.decode(value)
