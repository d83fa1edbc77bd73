"""``vcndctl forecast``: how long the pod subnets last, and better pool settings."""

import sys
from functools import partial
from pathlib import Path

import click

from vcnd.ctl.exits import Exit
from vcnd.ctl.telling import as_json, kubeconfig, plain, show_json, telling
from vcnd.model.forecast import Forecast, SubnetForecast

POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command()
@kubeconfig
@click.option(
    "--days",
    default=7.0,
    show_default=True,
    type=POSITIVE,
    help="Compute the growth from this many last days.",
)
@click.option(
    "--warn-days",
    default=30.0,
    show_default=True,
    type=POSITIVE,
    help="Exit with 3 if a subnet may be full earlier.",
)
@click.option(
    "--batch", default=8, show_default=True, help="[pool] batch of the nodes."
)
@click.option(
    "--buffer-fraction",
    default=0.5,
    show_default=True,
    help="[pool] buffer_fraction of the nodes.",
)
@click.option(
    "--refill-seconds",
    default=10.0,
    show_default=True,
    type=POSITIVE,
    help="How long a refill takes at most.",
)
@as_json
def forecast(
    kubeconfig: Path,
    days: float,
    warn_days: float,
    batch: int,
    buffer_fraction: float,
    refill_seconds: float,
    *,
    as_json: bool,
) -> None:
    """Say how long the pod subnets last, and which pool settings fit the demand.

    It reads pods and NativePodNetworks of a cluster, and changes nothing.  Exit codes:
    0, all subnets last; 1, the cluster cannot be asked; 2, the command is wrong; 3, a
    subnet may be full within --warn-days.
    """
    import trio  # noqa: PLC0415

    from vcnd.core.target import PoolPolicy  # noqa: PLC0415
    from vcnd.ctl import forecast_reading  # noqa: PLC0415
    from vcnd.kubeapi.credentials import KubeconfigError  # noqa: PLC0415
    from vcnd.kubeapi.errors import KubeError  # noqa: PLC0415

    try:
        policy = PoolPolicy(batch=batch, buffer_fraction=buffer_fraction)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    ask = partial(
        forecast_reading.read,
        kubeconfig,
        days=days,
        policy=policy,
        refill_seconds=refill_seconds,
    )
    with telling(forecast_reading.ForecastError, KubeError, KubeconfigError):
        found = trio.run(ask)
    if as_json:
        show_json(found)
    else:
        click.echo(plain(describe(found, policy.batch, policy.buffer_fraction)))
    if any(s.days is not None and s.days < warn_days for s in found.subnets):
        sys.exit(Exit.WRONG)


def describe(found: Forecast, batch: int, buffer_fraction: float) -> str:
    """Return a forecast in lines for a person.

    Args:
        found: the forecast.
        batch: the settings that the nodes have.
        buffer_fraction: likewise.
    """
    advice = found.advice
    lines = [_subnet(s) for s in found.subnets]
    lines += [
        f"demand    {found.nodes} nodes; at most {advice.burst} pods came to one of"
        " them within a refill",
        f"pool      batch = {batch}, buffer_fraction = {buffer_fraction}: the nodes"
        f" hold {advice.held_now} addresses",
        f"advice    batch = {advice.batch}, buffer_fraction ="
        f" {advice.buffer_fraction}: they would hold {advice.held_then}, and none of"
        " these pods would have waited",
        "assumed   the growth is that of the pods that are alive and were created in"
        f" the last {found.days_seen:g} days; replaced pods count as new, so subnets"
        " last at least so long; other users of a subnet, and IPv6, are not counted",
    ]
    return "\n".join(lines)


def _subnet(s: SubnetForecast) -> str:
    share = f"{s.held / s.size:.0%}" if s.size else "all"
    lasts = (
        "it does not grow" if s.days is None else f"full in {s.days:g} days or later"
    )
    return (
        f"subnet    {s.cidr}: {s.held} of {s.size} addresses held ({share}), {s.pods}"
        f" by pods; at most {s.per_day:g} more a day: {lasts}"
    )
