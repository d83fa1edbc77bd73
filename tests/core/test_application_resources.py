"""Application resources: only resources that the scheduler counted request one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcnd.core.requests import (
    FIXED_ADDRESS,
    IP_FAMILIES,
    NSG_IDS,
    RESOURCE_PREFIX,
    SUBNET_IDS,
    read,
)
from vcnd.model.errors import RequestRefusedError
from vcnd.model.request import AddressRequest, PodRequest
from vcnd.model.sandbox import PodRef

POD = PodRef(namespace="shop", name="web-0", uid="u")
names = st.sampled_from(["web", "db", "", "a/b"]).map(RESOURCE_PREFIX.__add__)
ours = st.sampled_from([SUBNET_IDS, NSG_IDS, IP_FAMILIES, FIXED_ADDRESS])
annotations = st.dictionaries(names | ours | st.text(), st.text() | st.just("1"))
resources = st.dictionaries(names | st.text(), st.sampled_from(["1", "2", ""]))


def read_or_refused(request: PodRequest) -> AddressRequest | None:
    try:
        return read(POD, request)
    except RequestRefusedError:
        return None


@pytest.mark.slow
@given(annotations, resources)
def test_annotations_and_resources_do_not_pass_for_each_other(
    written: dict[str, str], counted: dict[str, str]
) -> None:
    both = read_or_refused(PodRequest(annotations=written, resources=counted))
    annotated = read_or_refused(PodRequest(annotations=written))
    asked = read_or_refused(PodRequest(resources=counted))
    assert (both is None) == (annotated is None or asked is None)
    if annotated is not None:
        assert not annotated.resource
    if both is not None and annotated is not None and asked is not None:
        assert both.resource == asked.resource
        assert (both.subnet_ids, both.nsg_ids) == (
            annotated.subnet_ids,
            annotated.nsg_ids,
        )
        assert (both.families, both.fixed) == (annotated.families, annotated.fixed)
