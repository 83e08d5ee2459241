"""A backend whose puts are odd."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from heredity.store.backends import Backend
from heredity.store.backends.wrapper import Wrapper
from heredity.store.tensors import Buffer

T = TypeVar("T")


class OddPuts(Wrapper):
    """All as it should be, but for the puts: ``put(inner, name, content, check)`` stands for them."""

    def __init__(self, inner: Backend, put: Callable[..., bool]) -> None:
        super().__init__(inner)
        self.put = put

    def around(self, method: str, call: Callable[[], T]) -> T:
        return call()

    def now(self) -> float:
        return self.inner.now()

    def put_once(
        self, name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        return self.put(self.inner, name, content, before_commit)
