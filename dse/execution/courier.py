"""Who runs errands to a place: at once for this machine, in a thread of its own for others, so that a silent host stops nobody."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


class Courier(Protocol):
    """Runs errands one after the other."""

    def send(self, errand: Callable[[], Result]) -> Future[Result]: ...

    def close(self) -> None: ...


def _settle(future: Future[Any], errand: Callable[[], Any]) -> None:
    try:
        future.set_result(errand())
    except Exception as error:
        future.set_exception(error)


class AtOnce:
    """Runs an errand before `send` returns."""

    def send(self, errand: Callable[[], Result]) -> Future[Result]:
        future: Future[Result] = Future()
        _settle(future, errand)
        return future

    def close(self) -> None:
        return


class InTurn:
    """Runs errands in one background thread. The thread is a daemon: nothing it does needs to be finished when `dse` ends."""

    def __init__(self, name: str) -> None:
        self._errands: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._name = name
        self._thread: threading.Thread | None = None

    def send(self, errand: Callable[[], Result]) -> Future[Result]:
        future: Future[Result] = Future()
        self._errands.put((future, errand))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"courier to {self._name}", daemon=True)
            self._thread.start()
        return future

    def close(self) -> None:
        if self._thread is not None:
            self._errands.put(None)
            self._thread.join(timeout=10)
            self._thread = None

    def _work(self) -> None:
        while (item := self._errands.get()) is not None:
            _settle(*item)
