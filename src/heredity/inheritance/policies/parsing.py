"""Policies as text, as they stand in an experiment's file: ``shrink_and_perturb(0.5)``."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Literal, cast, get_args

from heredity.errors import InputError
from heredity.inheritance.policies.perturbing import ShrinkAndPerturb
from heredity.inheritance.policies.racing import Race, Train

Plain = Literal["best_effort", "exact"]
"""``best_effort`` carries over what it can, labelled; ``exact`` refuses what is not proven to be equal."""

Policy = str | ShrinkAndPerturb | Race
"""``"best_effort"``, ``"exact"``, a `ShrinkAndPerturb`, a `Race`, or the text of one."""

PLAIN = get_args(Plain)


def parse_policy(policy: Policy, *, train: Train | None = None) -> Plain | ShrinkAndPerturb | Race:
    """Make a policy of its text; one that is none comes back as it is.

    >>> str(parse_policy("shrink_and_perturb(0.5)"))
    'shrink_and_perturb(keep=0.5, noise=0.5)'

    Args:
        policy: Such as ``"exact"``, ``"shrink_and_perturb(keep=0.5, noise=0.1)"`` or
            ``"race(3, start=shrink_and_perturb(0.5))"``.
        train: What a race trains with, since a text cannot hold a function.

    Raises:
        InputError: It is no policy, or a race without `train`.
    """
    if isinstance(policy, ShrinkAndPerturb | Race):
        return policy
    try:
        tree = ast.parse(policy.strip(), mode="eval").body
    except (SyntaxError, AttributeError, ValueError) as error:
        raise _no_policy(policy) from error
    found = _value(tree, policy, train)
    if found in PLAIN or isinstance(found, ShrinkAndPerturb | Race):
        return cast("Plain | ShrinkAndPerturb | Race", found)
    raise _no_policy(policy)


def _value(tree: ast.expr, policy: str, train: Train | None) -> object:
    match tree:
        case ast.Name(id=name):
            return {"true": True, "false": False, "none": None}.get(name, name)
        case ast.Constant(value=value):
            return value
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
            positional = [_value(argument, policy, train) for argument in arguments]
            named = {word.arg or "**": _value(word.value, policy, train) for word in keywords}
            return _called(name, positional, named, policy=policy, train=train)
    raise _no_policy(policy)


def _called(
    name: str, positional: list[object], named: dict[str, object], *, policy: str, train: Train | None
) -> ShrinkAndPerturb | Race:
    # Any: the arguments are checked where the policies are made.
    makers: dict[str, Callable[..., Any]] = {
        "shrink_and_perturb": ShrinkAndPerturb,
        "race": lambda *args, **words: Race(cast("Train", train), *args, **words),
    }
    if name not in makers:
        raise _no_policy(policy)
    try:
        return cast("ShrinkAndPerturb | Race", makers[name](*positional, **named))
    except TypeError as error:
        raise InputError(f"policy: {policy!r:.80}: {error}.") from error


def _no_policy(policy: object) -> InputError:
    return InputError(
        f"policy: expected one of best_effort, exact, shrink_and_perturb(…), race(…), got {policy!r:.80}."
    )
