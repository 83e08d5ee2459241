"""`heredity dashboard`: the page of an experiment or a store, while it runs."""

from __future__ import annotations

from pathlib import Path

import click
from rich.text import Text

from heredity.cli.completing.names import PLACE
from heredity.cli.output import console
from heredity.cli.pictures.sources import source_of
from heredity.cli.shell.options import examples, is_quiet, quiet_option
from heredity.cli.shell.progress import waiting
from heredity.dashboard.serving.server import DashboardServer
from heredity.errors import ConfigError

PORT = 8765


@click.command(
    epilog=examples("heredity dashboard runs/search/001", "heredity dashboard weights/ --port 0 --open")
)
@click.argument("place", type=PLACE, required=False)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 for any free one."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--token",
    envvar="HEREDITY_DASHBOARD_TOKEN",
    help="What a request must know; better in HEREDITY_DASHBOARD_TOKEN, since others see command lines.",
)
@click.option("--open", "is_opened", is_flag=True, help="Open a browser.")
@quiet_option
def dashboard(place: str | None, *, port: int, host: str, token: str | None, is_opened: bool) -> None:
    """Show an experiment or a store in a browser.

    PLACE is an experiment's directory, or a store's directory or URL; by default the newest experiment below
    runs/. Only this machine can reach the page unless a token is set. Ctrl-C ends it.
    """
    place = place or _newest_experiment(Path("runs"))
    source = source_of(place)
    with waiting(f"reading {place}"):
        source.facts()  # a long journal takes a while: the page is there when its address is
    with DashboardServer(source, host=host, port=port, token=token or None) as server:
        if not is_quiet():
            console().print(Text.assemble(place, " is shown at ", (server.url, "bold")), soft_wrap=True)
        if is_opened:
            click.launch(server.url)
        server.serve_forever()


def _newest_experiment(folder: Path) -> str:
    journals = [*folder.glob("*/*/journal.jsonl"), *folder.glob("*/journal.jsonl")]
    if not journals:
        raise ConfigError(
            "dashboard: there is no experiment below runs/.",
            hint="Name an experiment's directory, or a store's directory or URL.",
        )
    return str(max(journals, key=lambda journal: journal.stat().st_mtime).parent)
