"""`heredity drop`, `collect`, `mirror` and `refs`: keep a store in order."""

from __future__ import annotations

import re
import sys
from datetime import timedelta

import click
from rich.text import Text

from heredity.cli.completing.names import NAME, PLACE
from heredity.cli.main import EXIT_FAILED
from heredity.cli.output import add_row, console, json_option, print_json, size_text, table
from heredity.cli.places import store_of
from heredity.cli.shell.options import examples, is_quiet, quiet_option
from heredity.cli.shell.progress import waiting
from heredity.store import Collection, Mirrored, Ref, open_store

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])?")


class _Duration(click.ParamType[timedelta]):
    """A length of time, such as 90s, 15m, 24h or 7d."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        match = _DURATION.fullmatch(str(value))
        if match is None or (match[2] is None and float(match[1]) != 0):
            self.fail(
                f"{value!r} is no length of time; expected 90s, 15m, 24h or 7d, for example.", param, ctx
            )
        return timedelta(seconds=float(match[1]) * _UNITS[match[2] or "s"])


DURATION = _Duration()


@click.command(epilog=examples('heredity drop weights/ run-1/father run-1/aunt --reason "superseded"'))
@click.argument("place", type=PLACE)
@click.argument("keys", metavar="KEY...", type=NAME, nargs=-1, required=True)
@click.option("--reason", default="", help="Why; whoever asks for one of them is told.")
@json_option
@quiet_option
def drop(place: str, keys: tuple[str, ...], reason: str, *, as_json: bool) -> None:
    """Drop checkpoints; their names are never used again.

    PLACE is a store's directory or URL, or an experiment's directory; KEY is a checkpoint's key, or the name
    of a trial. Nobody finds them any more. Their weights stay as long as other checkpoints need them;
    `heredity collect` frees the rest.
    """
    store, of_trial = store_of(place)
    dropped = list(dict.fromkeys(of_trial.get(key, key) for key in keys))
    # All of them first, since nothing can be taken back.
    for key in dropped:
        store.refuse_drop(key)
    for key in dropped:
        store.drop(key, reason=reason)
    if as_json:
        print_json({"dropped": dropped})
        return
    if not is_quiet():
        console().print(f"{len(dropped)} dropped; `heredity collect {place}` frees what nobody needs")


@click.command(
    epilog=examples("heredity collect weights/ --dry-run", "heredity collect weights/ --grace 7d --quiet")
)
@click.argument("place", type=PLACE)
@click.option(
    "--grace",
    type=DURATION,
    default="24h",
    show_default=True,
    help="How long ago something must have been dropped; 0 where nobody else is at work.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be freed.")
@json_option
@quiet_option
def collect(place: str, grace: timedelta, *, dry_run: bool, as_json: bool) -> None:
    """Free what was dropped and nobody needs.

    PLACE is a store's directory or URL, or an experiment's directory. Safe at any time, beside any number of
    writers and readers. In a directory the disk has the bytes back one grace later, by another collection.
    """
    store, _ = store_of(place)
    with waiting("looking for what nobody needs"):
        done = store.collect(grace=grace, dry_run=dry_run)
    if as_json:
        print_json(
            {
                "dry_run": done.is_dry_run,
                "freed": [{"key": each.key, "size_bytes": each.size_bytes} for each in done.freed],
                "size_bytes": done.size_bytes,
                "num_needed": done.num_needed,
                "num_young": done.num_young,
                "num_pinned": done.num_pinned,
            }
        )
    elif dry_run or not is_quiet():
        _print_collection(done, grace)


def _print_collection(done: Collection, grace: timedelta) -> None:
    screen = console()
    if done.freed:
        rows = table("freed~", "size>")
        for each in done.freed:
            add_row(rows, each.key, size_text(each.size_bytes))
        screen.print(rows)
    verb = "would be freed" if done.is_dry_run else "freed"
    screen.print(Text(f"{len(done.freed)} files, {size_text(done.size_bytes)} {verb}", style="bold"))
    kept = {
        "needed by other checkpoints": done.num_needed,
        "dropped less than the grace ago": done.num_young,
        "pinned by somebody": done.num_pinned,
    }
    if done.freed and not done.is_dry_run and grace:
        screen.print("in a directory, the disk has them back one grace later, by the next collection")
    for why, number in kept.items():
        if number:
            screen.print(f"{number} dropped, but kept: {why}")


@click.command(epilog=examples("heredity mirror weights/ s3://bucket/backup"))
@click.argument("source", type=PLACE)
@click.argument("target")
@json_option
@quiet_option
def mirror(source: str, target: str, *, as_json: bool) -> None:
    """Copy into one store what it lacks of another.

    SOURCE and TARGET are directories or URLs; SOURCE may be an experiment's directory, and TARGET is made if
    it is not there. Only adds, never deletes; refs in TARGET follow those of SOURCE. May be broken off and
    repeated. Exits with 1 if anything was left out.
    """
    store, _ = store_of(source)
    with waiting("copying") as on_progress:
        done = store.mirror_to(open_store(target), on_progress=on_progress)
    if as_json:
        print_json(
            {
                "copied": list(done.copied),
                "num_present": done.num_present,
                "refs": list(done.refs),
                "skipped": done.skipped,
            }
        )
    elif done.skipped or not is_quiet():
        _print_mirrored(done)
    sys.exit(EXIT_FAILED if done.skipped else 0)


def _print_mirrored(done: Mirrored) -> None:
    screen = console()
    screen.print(f"{len(done.copied)} copied, {done.num_present} were there already")
    if done.refs:
        screen.print(f"refs moved: {', '.join(done.refs)}")
    if done.skipped:
        rows = table("left out~", "why~")
        for key, why in done.skipped.items():
            add_row(rows, key, why)
        screen.print(rows)


@click.command(
    epilog=examples(
        "heredity refs weights/",
        "heredity refs weights/ best run-1/child",
        "heredity refs weights/ best --delete",
    )
)
@click.argument("place", type=PLACE)
@click.argument("name", required=False)
@click.argument("key", type=NAME, required=False)
@click.option("--delete", is_flag=True, help="Delete the ref NAME; its checkpoint stays.")
@json_option
@quiet_option
def refs(place: str, name: str | None, key: str | None, *, delete: bool, as_json: bool) -> None:
    """List or move the names that move.

    PLACE is a store's directory or URL, or an experiment's directory. With NAME and KEY, the ref NAME is
    moved to the checkpoint KEY.
    """
    store, of_trial = store_of(place)
    if name is not None and (key is None) != delete:
        raise click.UsageError("Give a KEY to move the ref to, or --delete, but not both.")
    if name is None and delete:
        raise click.UsageError("Name the ref to delete.")
    if name is not None and key is not None:
        store.refs.set(name, of_trial.get(key, key))
    elif name is not None:
        store.refs.delete(name)
    found = [each for each in (store.refs.get(each) for each in store.refs) if each is not None]
    if as_json:
        print_json([{"name": each.name, "key": each.key, "number": each.number} for each in found])
        return
    if name is None or not is_quiet():
        _print_refs(found, place)


def _print_refs(found: list[Ref], place: str) -> None:
    if not found and not is_quiet():
        console().print(f"no refs; `heredity refs {place} NAME KEY` makes one")
        return
    rows = table("ref~", "checkpoint~", "moves>", "last moved")
    for each in found:
        when = each.moved_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        add_row(rows, each.name, each.key, str(each.number), when)
    console().print(rows)
