"""`heredity`: the group of commands, found without loading them, and the exit codes."""

from __future__ import annotations

import gc
import importlib
import io
import keyword
import signal
import sys
from collections.abc import Mapping

import click

from heredity import __version__
from heredity.cli.shell.explaining import explain, explain_usage, no_such_command
from heredity.cli.shell.options import examples
from heredity.errors import HeredityError, InputError

EXIT_FAILED = 1
EXIT_MISTAKE = 2
EXIT_INTERRUPTED = 130

# Each command's module and its line in `heredity --help`, which must not load the module.
_COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("heredity.cli.run", "Run an experiment from a file, one of ours or an NNI config file."),
    "resume": ("heredity.cli.run", "Go on with an experiment whose driver has ended."),
    "report": (
        "heredity.cli.report_value",
        "Report a value, from inside a trial's program; or write a page about an experiment.",
    ),
    "ls": ("heredity.cli.look", "List the trials of an experiment or the checkpoints of a store."),
    "show": ("heredity.cli.look", "Show one trial or one checkpoint."),
    "tree": ("heredity.cli.look", "Draw who inherited from whom."),
    "compare": (
        "heredity.cli.comparing.compare",
        "Put experiments side by side: the best, the cost, the way there, what inheritance gave.",
    ),
    "dashboard": ("heredity.cli.pictures.dashboard", "Show an experiment or a store in a browser."),
    "plot": ("heredity.cli.pictures.plot", "Draw an experiment or a store as an image."),
    "export-results": ("heredity.cli.results", "Write an experiment's results in the form of another tool."),
    "diff": ("heredity.cli.weights.diff", "Compare the tensors of two checkpoints."),
    "inherit": ("heredity.cli.weights.inherit", "Show what one stored network would inherit from another."),
    "drop": ("heredity.cli.weights.upkeep", "Drop checkpoints; their names are never used again."),
    "collect": ("heredity.cli.weights.upkeep", "Free what was dropped and nobody needs."),
    "mirror": ("heredity.cli.weights.upkeep", "Copy into one store what it lacks of another."),
    "refs": ("heredity.cli.weights.upkeep", "List or move the names that move."),
    "verify": ("heredity.cli.weights.verify", "Read every tensor again and compare it with its digest."),
    "doctor": ("heredity.cli.doctor", "Is this place fit to hold a store, and what should be changed?"),
    "export": ("heredity.cli.weights.exchange", "Write a checkpoint as a .safetensors or .pt file."),
    "import": ("heredity.cli.weights.exchange", "Put a .safetensors or .pt file into a store."),
    "completion": (
        "heredity.cli.completing.script",
        "Print the script that lets a shell complete commands, options, trials and keys.",
    ),
}


class _LazyGroup(click.Group):
    """Knows its commands by name; loads one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's interface
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        # Python keeps some names for itself; a function named so has an underscore behind it.
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name.replace("-", "_")
        command = getattr(importlib.import_module(_COMMANDS[cmd_name][0]), name)
        assert isinstance(command, click.Command)  # noqa: S101  # the table above names no other
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            raise no_such_command(name, _COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples("heredity run experiment.yml", "heredity ls runs/search/001", "heredity show --help"),
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def heredity() -> None:
    """Trials of an architecture search inherit trained weights from one another."""


def main() -> None:
    """Run the command line; exit with 0, 1 (failed trials), 2 (your mistake) or 130 (interrupted)."""
    # When the reader of a pipe (`heredity ls | head`) goes away, so do we, without a traceback.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # A dash that a terminal cannot show must not end the program.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        heredity.main(standalone_mode=False)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.ClickException as error:
        explain_usage(error)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(EXIT_INTERRUPTED)
    except HeredityError as error:
        explain(error)
        sys.exit(EXIT_MISTAKE if isinstance(error, InputError) else EXIT_FAILED)
    finally:
        gc.freeze()  # what is left ends with the process, and need not be searched for garbage
