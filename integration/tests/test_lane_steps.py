"""The express lane's steps in the kernel: each refused once, beside others' programs.

A refusal stands at the one door to bpf(2), or at the one to netlink; all other steps
are real.
"""

import errno
import gc
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from typing import Any, TypeVar

import pytest

from fakeoci.fabric import netns
from integration.lab import others
from integration.lab.express import links_with_clsact
from vcnd.bpf import call, programs, tcx
from vcnd.bpf.call import BpfError
from vcnd.bpf.maps import Map
from vcnd.bpf.tcx import Hook
from vcnd.linux.lane.gate import SHAPE
from vcnd.linux.lane.hooks import (
    NAMES,
    PARENTS,
    ClsactHooks,
    Hooks,
    MixedHooks,
    TcxHooks,
)
from vcnd.linux.lane.kernel import LaneKernel, sweep
from vcnd.linux.lane.maps import Leg
from vcnd.linux.lane.pods import Legs
from vcnd.linux.lane.programs import OBJECT, LanePrograms
from vcnd.model.family import Family
from vcnd.netlink import traffic_control
from vcnd.netlink.messages import NetlinkError, NetlinkSocket

T = TypeVar("T")

SPACE = "lane"
POD_LINKS, VNIC = ("ocilane1", "ocilane2"), "vniclane"
LINKS = (*POD_LINKS, VNIC)
LEGS: Legs = {Family.IPV4: Leg("10.1.0.9", VNIC, "10.1.0.1")}
PODS = dict.fromkeys(POD_LINKS, LEGS)
WAYS = pytest.mark.parametrize("way", [TcxHooks, ClsactHooks])
PROOF = 0xFF


def loaded() -> LanePrograms:
    with closing(Map("vcnd_gate", SHAPE)) as gate:
        return LanePrograms(OBJECT.read_bytes(), PROOF, gate)


@pytest.fixture(autouse=True)
def links() -> Iterator[None]:
    """Make a namespace with the links of two pods and a VNIC."""
    try:
        loaded().close()
    except (OSError, FileNotFoundError) as error:
        pytest.skip(f"no express lane here: {error}")
    netns.add(SPACE)
    netns.ip(SPACE, [f"link add {n} type veth peer name {n}p" for n in LINKS])
    yield
    netns.remove(SPACE)


def inside(work: Callable[[], T]) -> T:
    return netns.inside(SPACE, work)


def made(way: type[Hooks]) -> LaneKernel:
    return inside(lambda: LaneKernel(loaded(), way()))


def bring(
    kernel: LaneKernel, pods: dict[str, Legs] = PODS, *, check: bool = False
) -> None:
    vnics = [VNIC] if pods else []
    inside(lambda: kernel.attach(pods, vnics, check=check))
    inside(lambda: kernel.admit(pods))


def at(link: str, hook: Hook, way: type[Hooks]) -> list[str]:
    """Return the names of the programs at a hook."""
    index = socket.if_nametoindex(link)
    if way is TcxHooks:
        return [programs.name_of(n) for n in tcx.attached(index, hook)]
    with NetlinkSocket(socket.NETLINK_ROUTE) as route:
        request = traffic_control.list_programs(index, PARENTS[hook])
        try:
            answers = list(route.dump("list", *request))
        except NetlinkError:
            return []  # the link has no clsact
        names = (traffic_control.filter_name(body) for _, body in answers)
        return [name for name in names if name is not None]


def everywhere(way: type[Hooks]) -> dict[str, list[str]]:
    """Return the programs of each link."""
    return {link: [n for hook in NAMES for n in at(link, hook, way)] for link in LINKS}


BOTH = [*NAMES.values()]


@contextmanager
def refused(patch: pytest.MonkeyPatch, number: int) -> Iterator[list[int]]:
    """Refuse one step by its number; the list tells how many there were."""
    steps = [0]

    def guarded(real: Callable[..., Any], error: type[OSError]) -> Callable[..., Any]:
        def step(*arguments: Any) -> Any:
            steps[0] += 1
            if steps[0] == number + 1:
                if error is BpfError:
                    raise BpfError(errno.ENOMEM, arguments[0])
                raise NetlinkError(errno.ENOMEM, arguments[1], "")
            return real(*arguments)

        return step

    with patch.context() as here:
        here.setattr(call, "bpf", guarded(call.bpf, BpfError))
        for name in ("request", "dump"):
            real = getattr(NetlinkSocket, name)
            here.setattr(NetlinkSocket, name, guarded(real, NetlinkError))
        yield steps


def descriptors() -> int:
    gc.collect()  # it closes what earlier tests have left
    return len(os.listdir("/proc/self/fd"))


def test_a_refused_load_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = descriptors()
    for number in count():
        with refused(monkeypatch, number) as steps, suppress(BpfError):
            loaded().close()
        assert descriptors() == before
        if steps[0] <= number:
            break
    assert number == 9  # six maps, a value, two programs


@WAYS
def test_a_link_has_both_programs_or_none(
    monkeypatch: pytest.MonkeyPatch, way: type[Hooks]
) -> None:
    for number in count():
        with closing(made(way)) as kernel:
            with refused(monkeypatch, number) as steps, suppress(OSError):
                bring(kernel)
            found = inside(lambda: everywhere(way))
            assert all(names in ([], BOTH) for names in found.values())
            if way is ClsactHooks:
                attached = {link for link, names in found.items() if names}
                assert inside(links_with_clsact) == attached
            assert all(found[name] == BOTH for name in kernel.pods)
            bring(kernel, check=True)  # the next look repairs what was refused
            assert inside(lambda: everywhere(way)) == dict.fromkeys(LINKS, BOTH)
            assert kernel.pods.keys() == PODS.keys()
        _clear(way)
        if steps[0] <= number:
            break
    assert number > len(LINKS)


@WAYS
def test_a_refused_removal_is_made_good(
    monkeypatch: pytest.MonkeyPatch, way: type[Hooks]
) -> None:
    for number in count():
        with closing(made(way)) as kernel:
            bring(kernel)
        with refused(monkeypatch, number) as steps, suppress(OSError):
            _clear(way)
        _clear(way)
        assert inside(lambda: everywhere(way)) == {link: [] for link in LINKS}
        assert inside(links_with_clsact) == set()
        if steps[0] <= number:
            break
    # Of each link and of its peer two hooks are looked at; one removal is the least.
    assert number >= (4 + 1) * len(LINKS)


def _clear(way: type[Hooks]) -> None:
    with closing(inside(way)) as hooks:
        inside(lambda: sweep(hooks))


@WAYS
def test_a_later_life_replaces_the_programs(way: type[Hooks]) -> None:
    with closing(made(way)) as first:
        bring(first)
    with closing(made(way)) as second:
        bring(second, {POD_LINKS[0]: LEGS})
        one = {POD_LINKS[0]: BOTH, POD_LINKS[1]: [], VNIC: BOTH}
        assert inside(lambda: everywhere(way)) == one
        bring(second, {})
    assert inside(lambda: everywhere(way)) == {link: [] for link in LINKS}


@WAYS
def test_programs_of_others_stay_before_ours(way: type[Hooks]) -> None:
    index = inside(lambda: socket.if_nametoindex(VNIC))
    inside(lambda: others.attach(index, Hook.INGRESS, others.PASS_ON, way))
    with closing(made(way)) as kernel:
        for _ in range(2):
            bring(kernel, check=True)
            found = inside(lambda: at(VNIC, Hook.INGRESS, way))
            assert found == ["other", "vcnd_express"]
    _clear(way)
    assert inside(lambda: everywhere(way))[VNIC] == ["other"]


@WAYS
def test_a_removed_program_is_put_back(way: type[Hooks]) -> None:
    with closing(made(way)) as kernel:
        bring(kernel)
        _clear(way)
        bring(kernel, check=True)
        assert inside(lambda: everywhere(way)) == dict.fromkeys(LINKS, BOTH)


def test_pods_links_with_clsact_use_it_and_others_tcx() -> None:
    first, second = POD_LINKS
    with closing(inside(lambda: LaneKernel(loaded(), MixedHooks("oci")))) as kernel:
        bring(kernel)
        assert inside(lambda: everywhere(TcxHooks)) == dict.fromkeys(LINKS, BOTH)
        inside(lambda: others.give_clsact(socket.if_nametoindex(first)))
        for _ in range(2):
            bring(kernel, check=True)
            by_tcx = inside(lambda: everywhere(TcxHooks))
            by_clsact = inside(lambda: everywhere(ClsactHooks))
            assert by_tcx == {VNIC: BOTH, first: [], second: BOTH}
            assert by_clsact == {VNIC: [], first: BOTH, second: []}
        bring(kernel, {})
    # The qdisc stays: a link that is up would lose packets.
    assert inside(links_with_clsact) == {first}
    nothing: dict[str, list[str]] = {link: [] for link in LINKS}
    assert inside(lambda: everywhere(TcxHooks)) == nothing
    assert inside(lambda: everywhere(ClsactHooks)) == nothing


def test_a_pod_that_is_gone_is_let_in_no_more() -> None:
    with closing(made(TcxHooks)) as kernel:
        inside(lambda: kernel.attach(PODS, [VNIC], check=False))
        netns.ip(SPACE, [f"link del {POD_LINKS[0]}"])
        inside(lambda: kernel.admit(PODS))
        assert kernel.pods.keys() == {POD_LINKS[1]}
        kernel.exclude(POD_LINKS[1])
        assert kernel.pods == {}


def test_rules_may_change_while_the_daemon_lets_go() -> None:
    """A restoration in a worker thread ends after the lane, with the node's stop."""
    programs = loaded()
    programs.close()
    programs.raise_epoch()
