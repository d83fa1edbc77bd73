"""The name of a class depends only on its subnets and NSGs."""

import pytest

from vcnd.core.classes import is_retired, named_class, own_or_retired, retired_class
from vcnd.model.ids import OWN_CLASS, ClassName
from vcnd.model.podnetwork import PodClass

ONE, TWO = "ocid1.subnet.oc1.iad.one", "ocid1.subnet.oc1.iad.two"
RED, BLUE = "ocid1.networksecuritygroup.red", "ocid1.networksecuritygroup.blue"


def test_class_name_is_the_same_on_every_node() -> None:
    """VNICs' tags have the name: another name would orphan those VNICs."""
    assert named_class((ONE, TWO), [RED, BLUE]) == PodClass(
        ClassName("739d1a5bb6a2"), (ONE, TWO), (BLUE, RED)
    )


@pytest.mark.parametrize("nsg_ids", [[RED, BLUE], [BLUE, RED], iter((RED, BLUE))])
def test_order_of_nsgs_changes_nothing(nsg_ids: list[str]) -> None:
    assert named_class((ONE,), nsg_ids) == named_class((ONE,), [BLUE, RED])


@pytest.mark.parametrize(
    ("subnet_ids", "nsg_ids", "apart"),
    [
        ((TWO,), [RED], ""),
        ((ONE, TWO), [RED], ""),
        ((TWO, ONE), [RED], ""),
        ((ONE, RED), [], ""),
        ((ONE,), [], ""),
        ((ONE,), [], RED),
        ((ONE,), [BLUE], ""),
        ((ONE,), [RED, BLUE], ""),
        ((ONE,), [RED], "web"),
        ((ONE,), [RED], "web\nshop"),
        ((), [ONE, RED], ""),
    ],
)
def test_another_class_has_another_name(
    subnet_ids: tuple[str, ...], nsg_ids: list[str], apart: str
) -> None:
    named = named_class(subnet_ids, nsg_ids, apart=apart)
    assert named.name != named_class((ONE,), [RED]).name
    assert named.subnet_ids == subnet_ids


def test_order_of_subnets_is_part_of_the_class() -> None:
    """The first subnet that is not full is used, so their order matters."""
    assert named_class((ONE, TWO), []).name != named_class((TWO, ONE), []).name


OTHER = named_class((TWO,), [RED]).name


@pytest.mark.parametrize(
    ("name", "own", "expected"),
    [
        (OWN_CLASS, (ONE, TWO), OWN_CLASS),
        (OWN_CLASS, (TWO,), retired_class(ONE)),
        (OWN_CLASS, (), OWN_CLASS),
        (retired_class(ONE), (TWO, ONE), OWN_CLASS),
        (retired_class(ONE), (TWO,), retired_class(ONE)),
        (retired_class(ONE), (), retired_class(ONE)),
        (OTHER, (TWO,), OTHER),
    ],
)
def test_own_vnic_is_retired_while_its_subnet_is_not_named(
    name: ClassName, own: tuple[str, ...], expected: ClassName
) -> None:
    assert own_or_retired(name, ONE, own) == expected


def test_retired_vnics_of_one_subnet_are_a_class_by_themselves() -> None:
    names = {retired_class(ONE), retired_class(TWO), OWN_CLASS, OTHER}
    assert len(names) == 4
    assert [is_retired(n) for n in sorted(names)].count(True) == 2
