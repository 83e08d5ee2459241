"""What all commands have: examples that can be typed, `--quiet`, and `--json` where there are facts."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from heredity.cli.main import heredity

GROUP = click.Context(heredity, info_name="heredity")
NAMES = heredity.list_commands(GROUP)
# Their output is a script, a file, a page that is looked at, or a word for a trial's program.
WITHOUT_FACTS = {"completion", "dashboard", "plot", "report"}

commands = pytest.mark.parametrize("name", NAMES)


def _command(name: str) -> click.Command:
    found = heredity.get_command(GROUP, name)
    assert found is not None
    return found


def _options(name: str) -> set[str]:
    return {option for parameter in _command(name).params for option in parameter.opts}


def _examples(name: str) -> list[str]:
    return re.findall(r"^  (heredity .*)$", _command(name).epilog or "", re.MULTILINE)


@commands
def test_it_has_a_help_with_an_example_of_itself(name: str) -> None:
    assert (_command(name).help or "").strip()
    assert [example for example in _examples(name) if example.split()[1] == name]


@commands
def test_its_examples_can_be_parsed(name: str) -> None:
    for example in _examples(name):
        words = shlex.split(re.split(r" (?:>>?|\||\|\|) ", example)[0])[2:]
        _command(name).make_context(name, words, parent=GROUP, resilient_parsing=False).close()


@commands
def test_it_can_be_quiet(name: str) -> None:
    assert "--quiet" in _options(name) or name == "completion"


@commands
def test_it_gives_its_facts_to_programs(name: str) -> None:
    assert "--json" in _options(name) or name in WITHOUT_FACTS


@commands
def test_each_of_its_options_says_what_it_does(name: str) -> None:
    options = [each for each in _command(name).params if isinstance(each, click.Option)]
    assert [option.name for option in options if not option.help] == []
