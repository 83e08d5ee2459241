"""`heredity inherit --plan`: what one stored network would take over from another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.text import Text

from heredity.cli.completing.names import NAME, PLACE
from heredity.cli.main import EXIT_FAILED
from heredity.cli.output import VERDICT_STYLES, add_row, console, json_option, print_json, table
from heredity.cli.places import store_of
from heredity.cli.shell.options import examples, quiet_option
from heredity.cli.shell.progress import waiting

if TYPE_CHECKING:
    from heredity.inheritance.tables import Row
    from heredity.transfer import TransferPlan


@click.command(epilog=examples("heredity inherit weights/ run-1/father run-1/child --plan --exact"))
@click.argument("place", type=PLACE)
@click.argument("parent", type=NAME)
@click.argument("child", type=NAME)
@click.option("--plan", "is_plan", is_flag=True, help="Show the plan; nothing is changed. Has to be given.")
@click.option("--all", "show_all", is_flag=True, help="One row for each tensor.")
@click.option("--exact", "needs_exact", is_flag=True, help="Exit with 1 if the child would not be exact.")
@json_option
@quiet_option
def inherit(  # noqa: PLR0913  # an option each
    place: str,
    parent: str,
    child: str,
    *,
    is_plan: bool,
    show_all: bool,
    needs_exact: bool,
    as_json: bool,
) -> None:
    """Show what one stored network would inherit from another.

    PLACE is a store's directory or URL, or an experiment's directory. PARENT and CHILD are keys in the store,
    or names of trials; both were saved with example inputs. Only their graphs are read, and nothing is
    changed: modules inherit in Python, by hd.inherit(module, checkpoint).
    """
    if not is_plan:
        raise click.UsageError("say --plan: only a program can inherit, by hd.inherit(module, parent).")
    store, keys = store_of(place)
    first, second = store[keys.get(parent, parent)], store[keys.get(child, child)]
    with waiting("planning"):
        # torch takes seconds to load.
        from heredity.inheritance.planning import plan_between  # noqa: PLC0415
        from heredity.inheritance.tables import folded, unfolded  # noqa: PLC0415

        plan = plan_between(first, second)
    if as_json:
        print_json({"parent": parent, "child": child, "plan": plan.to_json()})
    else:
        _print(plan, unfolded(plan) if show_all else folded(plan))
    if needs_exact and not plan.certificate.is_exact:
        click.get_current_context().exit(EXIT_FAILED)


def _print(plan: TransferPlan, rows: list[Row]) -> None:
    from heredity.inheritance.tables import HEADER  # noqa: PLC0415  # torch is loaded by now

    screen = console()
    shown = table(*(f"{column}~" for column in HEADER))
    for row in rows:
        verdict = Text(row.verdict, style=VERDICT_STYLES.get(row.verdict, ""))
        add_row(shown, row.tensors, verdict, row.source, row.how, row.reason)
    screen.print(shown)
    screen.print(Text(str(plan.certificate)), soft_wrap=True)
