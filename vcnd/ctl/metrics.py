"""How a process' metrics are printed."""

import click

from vcnd.ctl.telling import show_json
from vcnd.model.metrics import Reading


def show(reading: Reading, *, as_json: bool) -> None:
    """Print metrics as Prometheus would get them, or as values in JSON."""
    if as_json:
        show_json(reading)
        return
    # The library takes longer to import than all else that vcndctl needs.
    from vcnd.metrics.exposition import OPEN_METRICS, of_another  # noqa: PLC0415

    click.echo(of_another(reading, OPEN_METRICS), nl=False)
