"""``./vcn docs``: build the documents as a site, and look at it."""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click

from integration.chart import schema
from integration.website import configuration, pictures, sizing, versions
from integration.website.build import ROOT, SiteError, build
from integration.website.made import renewed


@click.command()
@click.argument(
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT / "build" / "docs",
)
@click.option("--serve", is_flag=True, help="Then show the site on this machine.")
@click.option("--port", default=8000, show_default=True, help="Where --serve listens.")
@click.option(
    "--repository",
    default="",
    metavar="URL",
    help="Where the repository's files can be read, such as"
    " https://…/blob/main; without it, links to code are plain text.",
)
@click.option(
    "--version",
    default="",
    metavar="V",
    help="FOLDER has the sites of several versions: build this one's, such as 1.2.3"
    " or main, and list it.",
)
@click.option(
    "--write",
    is_flag=True,
    help="First write the pages that are made from the code, and the chart's schema.",
)
def main(
    folder: Path,
    *,
    serve: bool,
    port: int,
    repository: str,
    version: str,
    write: bool,
) -> None:
    """Build the site into FOLDER (build/docs); what was there before is replaced.

    With --version, FOLDER keeps the other versions; "latest" is the newest release.

    A broken link, a missing heading or picture, and whatever a page would load from
    another host, fail the build (exit code 1).
    """
    if write:
        _write()
    repository = repository.rstrip("/")
    try:
        if version:
            click.echo(versions.publish(folder, version, repository))
        else:
            click.echo(build(folder, repository))
    except (RuntimeError, SiteError) as error:
        sys.exit(f"docs: {error}")
    if serve:
        _serve(folder, port)


def _write() -> None:
    (ROOT / schema.FILE).write_text(schema.render())
    (ROOT / configuration.PAGE).write_text(configuration.render())
    for module in (sizing, schema):
        page = ROOT / module.PAGE
        page.write_text(renewed(page.read_text(), module.TABLES))
    for name, draw in pictures.PICTURES.items():
        (ROOT / pictures.FOLDER / name).write_text(draw())


def _serve(folder: Path, port: int) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        click.echo(f"http://127.0.0.1:{port}/ until Ctrl-C")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo()


if __name__ == "__main__":
    main()
