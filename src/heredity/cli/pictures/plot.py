"""`heredity plot`: an experiment or a store as an image."""

from __future__ import annotations

from pathlib import Path

import click

from heredity.cli.completing.names import PLACE
from heredity.cli.pictures.sources import source_of
from heredity.cli.shell.options import examples, is_quiet, quiet_option
from heredity.cli.shell.progress import waiting
from heredity.dashboard.pictures.images import VIEWS, draw_views
from heredity.errors import ConfigError


@click.command(
    epilog=examples(
        "heredity plot runs/search/001 -o search.svg",
        "heredity plot runs/search/001 -o tree.png --view lineage",
    )
)
@click.argument("place", type=PLACE)
@click.option(
    "--out",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file; it ends with .png or .svg.",
)
@click.option(
    "--view",
    "views",
    type=click.Choice(VIEWS),
    multiple=True,
    help="Only this picture; several times for several. By default all.",
)
@quiet_option
def plot(place: str, *, out: Path, views: tuple[str, ...]) -> None:
    """Draw an experiment or a store as an image.

    PLACE is an experiment's directory, or a store's directory or URL. Needs matplotlib:
    pip install 'heredity[pictures]'.
    """
    if out.suffix.lower() not in {".png", ".svg"}:
        raise ConfigError(
            f"plot: {out}: expected a name that ends with .png or .svg.",
            hint="`heredity report` makes an .html page.",
        )
    with waiting(f"drawing {place}"):
        draw_views(source_of(place), out, views=views or VIEWS)
    if not is_quiet():
        click.echo(str(out))
