"""Trial functions by their names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from heredity.engine.function import FunctionReference, parse_function_reference, reference_of
from heredity.errors import ConfigError


def write(folder: Path, name: str, value: int) -> FunctionReference:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(f"def train(trial): return {value}\n")
    return parse_function_reference(f"{name}.py:train", folder=folder)


def test_a_file_is_found_beside_the_experiment_file(tmp_path: Path) -> None:
    reference = write(tmp_path, "found_beside", 3)
    assert str(reference) == "found_beside.py:train"
    assert reference.load()(None) == 3


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a", "same_name", 1), write(tmp_path / "b", "same_name", 2)
    assert [first.load()(None), second.load()(None), second.load()(None), first.load()(None)] == [1, 2, 2, 1]


def test_a_file_may_have_the_name_of_a_module_that_is_loaded(tmp_path: Path) -> None:
    assert write(tmp_path, "json", 5).load()(None) == 5
    assert sys.modules["json"].__file__ != str(tmp_path / "json.py")


def test_a_file_that_fails_under_an_alias_is_tried_anew(tmp_path: Path) -> None:
    reference = write(tmp_path, "json", 1)
    (tmp_path / "json.py").write_text("raise OSError(1)\n")
    for _ in range(2):
        with pytest.raises(OSError, match="1"):
            reference.load()


def test_a_module_is_found_by_its_dotted_name() -> None:
    assert parse_function_reference("math:floor", folder=Path()).load()(2.5) == 2


@pytest.mark.parametrize("text", ["train", "train.py", ":train", "train.py:", "train.py:two words", "a:b.c"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"expected 'file\.py:function'"):
        parse_function_reference(text, folder=Path())


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="there is no module 'no_such_module'"):
        parse_function_reference("no_such_module:train", folder=Path()).load()


def test_what_a_module_itself_cannot_import_is_not_blamed_on_its_name(tmp_path: Path) -> None:
    (tmp_path / "needs_more.py").write_text("import no_such_module\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        parse_function_reference("needs_more.py:train", folder=tmp_path).load()


def top_level(trial: object) -> None:
    """For the test below."""


def test_a_function_of_a_module_is_named_by_it() -> None:
    assert reference_of(top_level) == FunctionReference(top_level.__module__, "top_level")


def test_functions_that_nobody_else_can_find_are_refused() -> None:
    with pytest.raises(ConfigError, match="at the top of a module"):
        reference_of(lambda _: None)
