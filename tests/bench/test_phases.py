"""Phases of a call, and their picture."""

from xml.etree import ElementTree

from integration.bench import phases
from integration.bench.add import OURS, PHASE, PROCESS, THEIRS, VERBS, WHOLE, Calls
from integration.bench.noise import Meter
from integration.bench.report import Report, row
from integration.bench.samples import Samples
from vcnd.model.phases import CallTrace, Phase

PHASE_US, OURS_US, PEER_US = 230.0, 2500.0, 10_000.0


def report() -> Report:
    rows = []
    for verb in VERBS:
        whole = Samples({OURS: [[OURS_US / 1e6]], THEIRS: [[PEER_US / 1e6]]})
        rows.append(row(WHOLE.format(verb), "ms", whole, scale=1e3))
        for phase in (*Phase, PROCESS):
            mine = Samples({OURS: [[PHASE_US]]})
            rows.append(row(PHASE.format(verb, phase), "µs", mine))
    return Report(bench="add", rows=rows, values={}, noise=Meter().noise())


def test_parts_make_up_the_whole_call() -> None:
    root = ElementTree.fromstring(phases.picture(report()))  # noqa: S314
    words = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert words.count("2,500 µs") == 2 * len(VERBS)
    assert words.count("10,000 µs") == len(VERBS)
    gap = OURS_US - PHASE_US * len((*Phase, PROCESS))
    assert words.count(f"{gap:.0f}") == 2 * len(VERBS)
    assert {*Phase, PROCESS, phases.GAP, phases.PEER} <= {*words}


def trace(command: str, claim: float) -> CallTrace:
    told = {Phase.SHIM: 100.0, Phase.CLAIM: claim}
    return CallTrace(
        command=command, sandbox="", pod="", code=0, at=0.0, microseconds=told
    )


def test_process_is_what_the_phases_of_the_same_call_leave() -> None:
    calls = Calls()
    calls.add.add(OURS, [0.001, 0.002])
    calls.delete.add(OURS, [0.0005])
    calls.note([trace("DEL", 50.0), trace("ADD", 1500.0), trace("ADD", 200.0)])
    left = {verb: calls.phases[PHASE.format(verb, PROCESS)].all(OURS) for verb in VERBS}
    rounded = {verb: [round(us, 6) for us in rest] for verb, rest in left.items()}
    assert rounded == {"ADD": [700.0, 400.0], "DEL": [350.0]}


def test_bars_of_a_group_have_one_scale_and_fit_in_the_picture() -> None:
    root = ElementTree.fromstring(phases.picture(report()))  # noqa: S314
    width = float(root.attrib["width"])
    bars = [e for e in root.iter() if e.tag.endswith("rect") and "stroke" in e.attrib]
    assert all(float(b.attrib["x"]) + float(b.attrib["width"]) < width for b in bars)
    lines: dict[str, float] = {}
    for bar in bars:
        y = bar.attrib["y"]
        lines[y] = lines.get(y, 0.0) + float(bar.attrib["width"])
    ours, theirs, _, _, larger, _ = lines.values()
    assert round(theirs / ours, 1) == PEER_US / OURS_US
    assert round(larger, 0) == round(theirs, 0)
