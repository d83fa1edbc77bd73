"""The fault switches."""

import msgspec
import pytest

from fakeoci.api.service import CORE_NAME, Fault, Service
from fakeoci.console import faults
from fakeoci.console.faults import Happening, Switch
from fakeoci.world.resources import Subnet

CUT = Switch(operation="ListVcns", kind="cut")


def test_switch_stays_on_until_it_is_switched_off(service: Service) -> None:
    faults.switch_on(service, CUT)
    assert all(service.fault_for("ListVcns") for _ in range(100))
    assert service.fault_for("GetVnic") is None
    faults.switch_off(service, CUT)
    assert service.fault_for("ListVcns") is None
    faults.switch_off(service, CUT)


def test_switch_replaces_its_rate_and_leaves_other_faults(service: Service) -> None:
    service.faults.append(Fault(operation="ListVcns", kind="cut", times=3))
    faults.switch_on(service, CUT)
    faults.switch_on(service, msgspec.structs.replace(CUT, rate=0.5))
    active = faults.active(service)
    assert [(f["rate"], f["times"]) for f in active] == [(1.0, 3), (0.5, None)]
    faults.switch_off(service, CUT)
    assert len(service.faults) == 1


def test_rate_is_the_share_of_calls(service: Service) -> None:
    faults.switch_on(service, msgspec.structs.replace(CUT, rate=0.25))
    struck = sum(service.fault_for("ListVcns") is not None for _ in range(2000))
    assert 420 < struck < 580


def test_fault_that_misses_a_call_leaves_it_to_the_next(service: Service) -> None:
    faults.switch_on(service, msgspec.structs.replace(CUT, rate=0.0))
    other = Fault(operation="ListVcns", kind="hang")
    service.faults.append(other)
    assert service.fault_for("ListVcns") is other
    assert service.fault_for("ListVcns") is None


def test_core_is_every_operation_and_not_metadata(service: Service) -> None:
    faults.switch_on(service, Switch(operation=CORE_NAME, kind="cut"))
    assert service.fault_for("ListVcns", CORE_NAME)
    assert service.fault_for("IMDS", "IMDS /instance/") is None


@pytest.mark.parametrize(
    "switch",
    [
        Switch(operation="ListNothing", kind="cut"),
        Switch(operation="ListVcns", kind="none"),
        Switch(operation="ListVcns", kind="unreachable"),
        Switch(operation="ListVcns", kind="before", status=418),
        Switch(operation="ListVcns", kind="garbled", how="none"),
    ],
)
def test_unknown_faults_are_refused(service: Service, switch: Switch) -> None:
    with pytest.raises(ValueError, match=r"operation|is one of"):
        faults.switch_on(service, switch)
    assert service.faults == []


def test_every_choice_can_be_switched_on(service: Service) -> None:
    given = faults.choices()
    for name in given["operations"]:
        faults.switch_on(service, Switch(operation=name, kind="cut"))
    for status, _ in given["statuses"]:
        faults.switch_on(service, Switch(operation="*", kind="before", status=status))
    for how in given["how"]:
        faults.switch_on(service, Switch(operation="*", kind="garbled", how=how))


def test_events_fill_relieve_and_freeze(service: Service) -> None:
    subnet = service.world.named(Subnet, "pods")
    space = service.world.space(subnet.id)
    faults.happen(service, Happening(what="fill", subnet=subnet.id))
    assert space.free == 0
    faults.happen(service, Happening(what="relieve", subnet=subnet.id))
    assert space.free > 4000
    faults.happen(service, Happening(what="freeze"))
    assert service.world.frozen
    faults.happen(service, Happening(what="thaw"))
    thawed = service.world
    assert not thawed.frozen
    for wrong in (Happening(what="fill", subnet="x"), Happening(what="burn")):
        with pytest.raises(ValueError, match="there is no"):
            faults.happen(service, wrong)
