"""The text of the table that stands guard over that of network policies."""

import pytest

from tests.linux.odd_names import ODD_NAMES
from tests.linux.policy.test_table import body
from vcnd.linux.policy import guard as policy_guard
from vcnd.linux.policy import table as policy_table
from vcnd.linux.policy.marks import Marks


def render(*strangers: str) -> str:
    return policy_guard.render(marks=Marks(), link_prefix="oci", strangers=strangers)


def test_a_packet_needs_a_number_of_each_pod_that_it_passes() -> None:
    assert body(render(), "guard") == [
        "type filter hook forward priority -3;",
        "ct direction reply accept",
        'iifname "oci*" ct mark & 0x00ff0000 == 0 jump unaccepted_egress',
        'oifname "oci*" ct mark & 0x0000ff00 == 0 jump unaccepted_ingress',
    ]


def test_errors_about_connections_pass() -> None:
    assert body(render(), "unaccepted_egress") == [
        "ct state related meta l4proto 1 accept",
        "ct state related meta l4proto 58 accept",
        "counter drop",
    ]


def test_a_stranger_passes_at_its_own_end_alone() -> None:
    made = render("ocibr0")
    assert body(made, "unaccepted_egress")[0] == 'iifname "ocibr0" return'
    assert body(made, "unaccepted_ingress")[0] == 'oifname "ocibr0" return'


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_stranger_with_an_odd_name_does_not_pass(name: str) -> None:
    assert render(name) == render()


def test_the_guard_stands_behind_the_policies() -> None:
    assert policy_guard.PRIORITY > policy_table.INGRESS_PRIORITY
