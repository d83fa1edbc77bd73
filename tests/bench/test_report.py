"""Reports: rows, JSON, tables, pictures and all benches together."""

import json
import re
from io import StringIO
from xml.etree import ElementTree

import pytest
from rich.console import Console

from integration.bench import every, plot, text
from integration.bench.noise import Meter, Noise, parse_stat
from integration.bench.report import Report, as_json, from_json, row
from integration.bench.samples import Samples

NOISE = Noise(
    loop_us=500.0,
    loop_spread=1.1,
    on_processor_percent=99.0,
    steal_percent=0.5,
    busy_percent=60.0,
)


def report() -> Report:
    samples = Samples()
    for _ in range(3):
        samples.add("vcnd", [0.001, 0.002, 0.003])
        samples.add("<ptp & host-local>", [0.01, 0.02, 0.9])
    return Report(
        bench="add",
        rows=[row("ADD", "ms", samples, ("vcnd", "<ptp & host-local>"), scale=1e3)],
        values={"add_p50_ratio": 0.1},
        noise=NOISE,
        missing={"DEL": "nobody called it"},
    )


def test_row_has_figures_in_its_unit() -> None:
    [only] = report().rows
    assert (only.sides["vcnd"].p50, only.sides["vcnd"].p99) == (2.0, 3.0)
    assert [r.p50 for r in only.ratios] == [0.1]


def test_report_survives_json() -> None:
    plain = json.loads(json.dumps(as_json(report())))
    assert from_json(plain) == report()
    met = {aim["name"]: aim["met"] for aim in plain["aims"]}
    assert met["add_p50_ratio"] is True
    assert met["del_p50_ratio"] is False
    assert all({"name", "aim", "value", "met"} <= aim.keys() for aim in plain["aims"])


def test_printed_json_is_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    text.print_report(report(), to_json=True)
    assert json.loads(capsys.readouterr().out) == as_json(report())


def test_tables_say_what_was_measured_and_what_not() -> None:
    out = StringIO()
    console = Console(file=out, width=120)
    text.show(console, report())
    text.show_aims(console, report().aims())
    assert "vcnd / <ptp & host-local>: 0.100" in out.getvalue()
    assert "not measured: DEL: nobody called it" in out.getvalue()
    assert "not measured" in out.getvalue().split("DEL, median")[1]


def test_picture_is_well_formed_and_keeps_within_its_frame() -> None:
    root = ElementTree.fromstring(plot.svg([report()], report().aims()))  # noqa: S314
    width, height = (float(root.attrib[k]) for k in ("width", "height"))
    words = [e for e in root.iter() if e.tag.endswith("text")]
    assert "<ptp & host-local>" in {e.text for e in words}
    assert all(0 <= float(e.attrib["x"]) <= width for e in words)
    assert all(0 <= float(e.attrib["y"]) <= height for e in words)
    bars = [e for e in root.iter() if "fill" in e.attrib and e.tag.endswith("rect")]
    assert len(bars) == 3  # the paper and two sides
    ends = re.findall(
        r"H([\d.]+)m", " ".join(e.attrib.get("d", "") for e in root.iter())
    )
    assert len(ends) == 2
    assert all(float(x) <= width for x in ends)


def test_all_judges_each_bench_and_what_failed() -> None:
    got = every.Every(
        reports=[report()],
        failed={"memory": "ended with 1"},
        elsewhere={"kind_latency_p50_of_flannel": 0.7},
    )
    plain = got.as_json()
    assert plain["failed"] == {"memory": "ended with 1"}
    assert plain["add"]["values"] == {"add_p50_ratio": 0.1}
    values = {aim["name"]: aim["value"] for aim in plain["aims"]}
    assert values["add_p50_ratio"] == 0.1
    assert values["kind_latency_p50_of_flannel"] == 0.7
    assert values["rss_110_leases_mib"] is None
    assert not any(name.startswith("cold_") for name in values)


def test_stat_line_tells_idle_stolen_and_all_ticks() -> None:
    text = "cpu  10 1 5 100 4 2 3 7 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
    assert parse_stat(text) == (104, 7, 132)


def test_meter_says_something_on_any_machine() -> None:
    meter = Meter()
    meter.tick()
    noise = meter.noise()
    assert noise.loop_us > 0
    assert noise.loop_spread >= 1.0
