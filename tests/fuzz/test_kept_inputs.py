"""The inputs in the repository keep their targets' rules: seeds, corpora, crashes."""

from pathlib import Path

import pytest

from integration.build.machines import MACHINES, Machine
from tests.fuzz import kept, shim
from tests.fuzz.target import Loaded
from tests.fuzz.targets_table import TARGETS

QUICK = ("conntrack", "netlink", "nft", "replies")
"""Targets whose modules are imported, and whose inputs run, in milliseconds."""


def run_all(loaded: Loaded, inputs: list[bytes]) -> None:
    for data in inputs:
        try:
            loaded.run(data)
        except BaseException as error:
            error.add_note(f"input: {data!r}")
            raise


@pytest.mark.parametrize("name", QUICK)
def test_inputs_that_crashed_once_keep_the_rule(name: str) -> None:
    crashed = [path.read_bytes() for path in kept.crashes(name)]
    run_all(TARGETS[name].load(name), crashed)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_all_kept_inputs_keep_the_rule(name: str) -> None:
    loaded = TARGETS[name].load(name)
    crashed = [path.read_bytes() for path in kept.crashes(name)]
    seeds = list(loaded.seeds())
    assert max(map(len, seeds)) <= TARGETS[name].most_bytes
    run_all(loaded, [*seeds, *kept.corpus(name), *crashed])


@pytest.mark.slow
@pytest.mark.parametrize(
    "machine", [m for m in MACHINES if not m.is_here], ids=lambda m: m.name
)
@pytest.mark.parametrize("name", ["shim", "shim_replies"])
def test_the_plugin_of_each_machine_keeps_the_rule(name: str, machine: Machine) -> None:
    if missing := machine.lacks():
        pytest.skip(missing)
    with shim.of(machine):
        test_all_kept_inputs_keep_the_rule(name)


def test_each_target_has_a_module_and_the_other_way() -> None:
    modules = {path.stem for path in (kept.HERE / "targets").glob("[!_]*.py")}
    assert modules == TARGETS.keys()
    for folder in (kept.CORPUS, kept.CRASHES):
        assert {path.name for path in folder.iterdir()} <= TARGETS.keys()


def test_corpora_stay_small() -> None:
    kept_files = [*kept.CORPUS.rglob("*"), *kept.CRASHES.rglob("*")]
    size = sum(path.stat().st_size for path in kept_files if path.is_file())
    assert size < 200 << 10


def test_corpus_is_written_and_read_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "CORPUS", tmp_path)
    inputs = [b"\0", b"\0\xff", b"a" * 100, b"b" * kept.MOST_BYTES]
    kept.keep("calls", inputs)
    assert kept.corpus("calls") == inputs[:3]
    assert kept.corpus("none") == []
