"""One decision: a unit of work of several verbs whose consequences are collected and made once.

A verb that cancels many bookings opens `one_decision`; a receiver that would make a document for
each of them asks for what the decision shares, and makes the documents at its end. Everything
happens inside the transaction of the verb.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")


class _Shared:
    """What receivers have collected, in the order in which it was asked for."""

    def __init__(self) -> None:
        self.collected: dict[Hashable, tuple[Any, Callable[[Any], None]]] = {}


_current: ContextVar[_Shared | None] = ContextVar("decision", default=None)


@contextmanager
def one_decision() -> Iterator[None]:
    """Make one decision of what is done inside; inside another one, a part of it.

    What was collected is finished at the end, and forgotten where something is raised.
    """
    if _current.get() is not None:
        yield
        return
    shared = _Shared()
    token = _current.set(shared)
    try:
        yield
        for collected, finish in shared.collected.values():
            finish(collected)
    finally:
        _current.reset(token)


@contextmanager
def collecting(key: Hashable, make: Callable[[], T], finish: Callable[[T], None]) -> Iterator[T]:
    """Yield what the present decision shares under a key, made when it is first asked for.

    Without a decision it is made and finished here.
    """
    shared = _current.get()
    if shared is None:
        collected = make()
        yield collected
        finish(collected)
        return
    if key not in shared.collected:
        shared.collected[key] = (make(), finish)
    yield shared.collected[key][0]
