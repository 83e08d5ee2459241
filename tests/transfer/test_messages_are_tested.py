"""Every refusal, reason and warning on the way from parent to child has its words in a test.

Of each text in the source, three words in a row that no other text has must stand in a literal of a test. A
text that has no such words must stand there whole, with its slots filled in. What the test does with them is
not looked at.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path

import pytest

HERE = Path(__file__)
TESTS = HERE.parents[1]
SOURCE = TESTS.parent / "src/heredity"
ROOMS = ("transfer", "inheritance", "graph", "checkpoints")
TESTED_IN = (*ROOMS, "cli", "test_checkpoints.py", "test_checkpoint_messages.py", "test_pt_files.py")
SLOT = "\0"  # what is filled in
WORD = re.compile(r"[^\W\d](?:[\w'.-]*\w)?")

UNTESTED = {
    # No operator that has a rule has such an argument, or the operator's schema says that it is a number.
    "a division that rounds": "division with rounding is another operator, which has no rule",
    "groups is {}, in the parent {}": "the schema says that it is a number",
    "num_groups is {}, in the parent {}": "the schema says that it is a number",
    "index is {}, in the parent {}": "the schema says that it is a number",
    "{} is no tensor": "asked for only where both sides are tensors",
    "{} is no list of tensors": "the schema of `cat` says that it is",
    "a factor is no tensor": "the schemas of products say that it is",
    "{} holds {}, in the parent {}": "the schemas of what takes lists say that they hold tensors",
    "the equation is no text": "the schema of `einsum` says that it is",
    "there is a bias for each expert": "torch's own operator refuses a bias as yet",
    "The graph takes a {}, which has no form as data yet.": "script objects and effects, which need C++",
    "The graph holds {} {}, which has no form as data yet.": "torch.export makes no such calls",
    # Nets under nets: a reason that comes first is told instead.
    "pieces of other sizes are joined": "pieces of one graph have one size",
    "tensors of other sizes are stacked": "tensors of one graph have one size",
    "the axes are regrouped to {}, in the parent to {}": "both graphs keep the number of entries",
    "the result has other axes than what is pooled": "pooling keeps the number of axes",
    "a new {} of what is not known": "why it is not known is told instead",
    "what comes in is not known": "why it is not known is told instead",
    "{}, the rule says {}": "a rule's own mistake; what it has refused before is told instead",
    # No messages.
    "not a known type": "a part of torch's own message",
    r"(?:GLOBAL|global:? |class )\s*([\w.]+\.\w+)": "a pattern",
    "Plain | ShrinkAndPerturb | Race": "a type",
}
"""Texts that no test can bring about through any door, with the reason."""


@dataclass(frozen=True)
class Text:
    """A text of the source: where it stands, and its words, with slots between them."""

    where: str
    text: str

    @cached_property
    def phrases(self) -> frozenset[str]:
        return phrases(self.text)

    @cached_property
    def shown(self) -> str:
        return self.text.replace(SLOT, "{}")

    def is_in(self, literal: str) -> bool:
        """Whether a literal shows it with something in its slots."""
        pattern = ".+".join(map(re.escape, self.text.strip(" .").split(SLOT)))
        return re.search(pattern, literal, re.DOTALL) is not None


def phrases(text: str) -> frozenset[str]:
    """Three words in a row with nothing filled in between; both, of a part that has two."""
    found = set()
    for part in text.split(SLOT):
        words = [word.lower() for word in WORD.findall(part)]
        count = min(3, max(2, len(words)))
        found |= {" ".join(words[i : i + count]) for i in range(len(words) - count + 1)}
    return frozenset(found)


def literals(node: ast.AST, *, is_raised: bool = False) -> Iterator[tuple[int, str, bool]]:
    """The line and the text of each literal, and whether it is raised; docstrings are none."""
    is_raised = is_raised or isinstance(node, ast.Raise)
    match node:
        case ast.Expr(value=ast.Constant()):
            return
        case ast.Constant(value=str(text)):
            yield node.lineno, text, is_raised
            return
        case ast.JoinedStr():
            parts = [str(each.value) if isinstance(each, ast.Constant) else SLOT for each in node.values]
            yield node.lineno, "".join(parts), is_raised
            return
        case ast.Assert():  # its message is for us
            yield from literals(node.test)
            return
    for child in ast.iter_child_nodes(node):
        yield from literals(child, is_raised=is_raised)


@cache
def texts() -> tuple[Text, ...]:
    """What is raised, and all else of at least three words: names, formats and parts of texts have fewer."""
    found: dict[str, Text] = {}
    for path in sorted(path for room in ROOMS for path in (SOURCE / room).rglob("*.py")):
        for line, text, is_raised in literals(ast.parse(path.read_text())):
            num_words = len(WORD.findall(text))
            if num_words >= (2 if is_raised else 3) and " " in text:
                found.setdefault(text, Text(f"{path.relative_to(SOURCE)}:{line}", text))
    return tuple(found.values())


@cache
def literals_of_tests() -> tuple[str, ...]:
    """The literals of the tests; of a pattern, what it has between its wildcards."""
    places = [path for room in TESTED_IN for path in (TESTS / room, *(TESTS / room).rglob("*.py"))]
    found = {
        re.sub(r"\.[*+]", SLOT, text).replace("\\", "")
        for path in places
        if path.is_file() and path != HERE
        for _, text, _ in literals(ast.parse(path.read_text()))
    }
    return tuple(sorted(found))


@cache
def untested() -> tuple[Text, ...]:
    counts = Counter(phrase for text in texts() for phrase in text.phrases)
    said = frozenset(phrase for text in literals_of_tests() for phrase in phrases(text) | pairs(text))
    found = []
    for text in texts():
        own = {phrase for phrase in text.phrases if counts[phrase] == 1}
        is_said = bool(own & said) if own else any(map(text.is_in, literals_of_tests()))
        if not is_said:
            found.append(text)
    return tuple(found)


def pairs(text: str) -> frozenset[str]:
    """Two words in a row, wherever they stand: a slot of the source may be filled in behind them."""
    words = [word.lower() for word in WORD.findall(text)]
    return frozenset(map(" ".join, pairwise(words)))


def test_the_words_of_each_message_are_in_a_test() -> None:
    missing = [f"{text.where}: {text.shown!r}" for text in untested() if text.shown not in UNTESTED]
    assert not missing, "no test has the words of these messages:\n" + "\n".join(missing)


def test_what_is_excused_is_still_there_and_still_untested() -> None:
    left = {text.shown for text in untested()}
    assert sorted(UNTESTED.keys() - left) == []


@pytest.mark.parametrize(("literal", "is_raised"), [("a = f'x {y} z'", False), ("raise E(f'x {y} z')", True)])
def test_slots_and_raised_texts_are_seen(literal: str, *, is_raised: bool) -> None:
    assert list(literals(ast.parse(literal))) == [(1, f"x {SLOT} z", is_raised)]
