"""`heredity completion`: the script by which a shell completes commands, trials and keys."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from heredity.cli.shell.options import examples

PROGRAM = "heredity"
VARIABLE = "_HEREDITY_COMPLETE"


@click.command(
    epilog=examples(
        "heredity completion bash >> ~/.bashrc",
        "heredity completion zsh >> ~/.zshrc",
        "heredity completion fish > ~/.config/fish/completions/heredity.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that lets a shell complete commands, options, trials and keys.

    It asks `heredity` itself at each press of the key, so that it need not be written again.
    """
    root = click.get_current_context().find_root().command
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101  # click has all three
    click.echo(kind(root, {}, PROGRAM, VARIABLE).source())
