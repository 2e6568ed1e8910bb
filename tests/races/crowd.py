"""Several at once: threads that start together, and processes that may be killed."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, connections

from kit.problems import Refused


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """Do all of it at the same moment, each with a connection of its own.

    Returns what each gave back, or the exception that it raised, in the order of the deeds.
    """
    start = threading.Barrier(len(deeds))
    results: list[Any] = [None] * len(deeds)

    def run(number: int, deed: Callable[[], Any]) -> None:
        try:
            start.wait(30)
            results[number] = deed()
        except Exception as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=(number, deed)) for number, deed in enumerate(deeds)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "somebody waits for ever"
    return results


def in_processes(*deeds: Callable[[], Any]) -> list[int]:
    """Do all of it at the same time, each in a process of its own; returns the exit codes.

    0 is done, 1 an exception (told on standard error), a negative number the signal that
    killed it. Children are forked, so they find the test's database and its patches.
    """
    # A connection must not be shared: whoever closes it first closes it for both.
    connections.close_all()
    children = []
    for deed in deeds:
        child = os.fork()
        if not child:
            _live(deed)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def _live(deed: Callable[[], Any]) -> None:
    code = 1
    # An inherited connection belongs to the parent; this process makes its own.
    for inherited in connections.all(initialized_only=True):
        inherited.connection = None
    try:
        deed()
        connections.close_all()
        code = 0
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(code)


class Statements:
    """Counts the statements of a connection, and does something at one of them.

    As a context: `with Statements(at=7, then=die)`; `before` says on which side of it.
    """

    def __init__(self, *, at: int = 0, then: Callable[[], None] = lambda: None, before=True):
        self.count = 0
        self.at, self.then, self.before = at, then, before

    def __call__(self, execute, sql, params, many, context):
        self.count += 1
        now = self.count == self.at
        if now and self.before:
            self.then()
        result = execute(sql, params, many, context)
        if now and not self.before:
            self.then()
        return result

    def __enter__(self) -> "Statements":
        self._wrapper = connection.execute_wrapper(self)
        self._wrapper.__enter__()
        return self

    def __exit__(self, *raised) -> None:
        self._wrapper.__exit__(*raised)


def die() -> None:
    """Be gone without a word, as when the power fails."""
    os.kill(os.getpid(), signal.SIGKILL)


def winners(results: Sequence[Any]) -> list[Any]:
    """What did not end in an exception."""
    return [result for result in results if not isinstance(result, Exception)]


def reasons(results: Sequence[Any]) -> set[str]:
    """The codes of all refusals. Whatever else went wrong is raised."""
    found = set()
    for error in losers(results):
        if not isinstance(error, Refused):
            raise error
        found.update(error.codes)
    return found


def losers(results: Sequence[Any]) -> list[Exception]:
    return [result for result in results if isinstance(result, Exception)]
