"""``vcndctl forecast``: of which lists it is made, and what it prints."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from vcnd import ctl
from vcnd.core.target import PoolPolicy
from vcnd.ctl.forecast import describe
from vcnd.ctl.forecast_reading import ForecastError, forecast_of
from vcnd.model.forecast import Forecast

NOW = datetime(2026, 3, 10, tzinfo=UTC)
NETWORKS = {
    "items": [
        {
            "metadata": {"ownerReferences": [{"kind": "Node", "name": node}]},
            "status": {
                "vnics": [
                    {
                        "subnetCidr": "10.1.0.0/28",
                        "addresses": [f"10.1.0.{first + n}" for n in range(3)],
                    }
                ]
            },
        }
        for node, first in (("a", 2), ("b", 6))
    ]
}


def pod(node: str, address: str, created: str, **more: Any) -> dict[str, Any]:
    return {
        "metadata": {"creationTimestamp": created},
        "spec": {"nodeName": node, **more.get("spec", {})},
        "status": {"phase": more.get("phase", "Running"), "podIP": address},
    }


PODS = {
    "items": [
        pod("a", "10.1.0.2", "2026-01-01T00:00:00Z"),
        pod("a", "10.1.0.3", "2026-03-09T00:00:00Z"),
        pod("a", "10.1.0.4", "2026-03-09T00:00:05Z"),
        pod("b", "10.1.0.6", "2026-03-09T00:00:05Z"),
        # None of these needs an address of a subnet.
        pod("b", "10.1.0.7", "2026-03-09T00:00:06Z", phase="Succeeded"),
        pod("b", "10.0.0.2", "2026-03-09T00:00:06Z", spec={"hostNetwork": True}),
        pod("", "", "2026-03-09T00:00:06Z"),
    ]
}


def forecast(networks: Any = NETWORKS, pods: Any = PODS) -> Forecast:
    return forecast_of(
        json.dumps(networks).encode(),
        json.dumps(pods).encode(),
        now=NOW,
        days=2.0,
        policy=PoolPolicy(),
        refill_seconds=10.0,
    )


def test_subnet_and_settings_are_forecast() -> None:
    found = forecast()
    assert describe(found, 8, 0.5).splitlines()[:-1] == [
        "subnet    10.1.0.0/28: 8 of 13 addresses held (62%), 4 by pods; at most 3 more"
        " a day: full in 1.7 days or later",
        "demand    2 nodes; at most 2 pods came to one of them within a refill",
        "pool      batch = 8, buffer_fraction = 0.5: the nodes hold 16 addresses",
        "advice    batch = 4, buffer_fraction = 0.5: they would hold 12, and none of"
        " these pods would have waited",
    ]


@pytest.mark.parametrize(
    ("networks", "pods", "why"),
    [
        ({"items": []}, PODS, "is vcnd installed there"),
        ({"items": 1}, PODS, "cannot be read"),
        (NETWORKS, {"items": [{}]}, "cannot be read"),
        (
            {"items": [{"status": {"vnics": [{"subnetCidr": "x"}]}}]},
            PODS,
            "subnetCidr: 'x'",
        ),
    ],
)
def test_lists_that_tell_nothing_are_refused(
    networks: Any, pods: Any, why: str
) -> None:
    with pytest.raises(ForecastError, match=why):
        forecast(networks, pods)


@pytest.mark.parametrize(
    ("options", "code"), [([], 1), (["--batch=0"], 2), (["--days=0"], 2)]
)
def test_command_that_cannot_ask_says_why(
    tmp_path: Path, options: list[str], code: int
) -> None:
    arguments = ["forecast", f"--kubeconfig={tmp_path / 'no'}", *options]
    done = CliRunner().invoke(ctl.main, arguments)
    assert done.exit_code == code, done.output
    assert done.output
