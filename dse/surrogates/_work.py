"""How fits are computed: on one thread, and once for the same data."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np  # noqa: F401  (what is to be limited must be loaded before it is looked for)
import scipy.linalg  # noqa: F401

P = ParamSpec("P")
R = TypeVar("R")

_REMEMBERED = 32  # results of each function, one per kind of layer that is fitted
_memories: list[Any] = []


def one_thread(work: Callable[P, R]) -> Callable[P, R]:
    """Let a function use one thread of BLAS and LAPACK.

    On matrices this small a second one costs more than it brings, and it may add in another order.
    """

    @wraps(work)
    def limited(*args: P.args, **keys: P.kwargs) -> R:
        with _controller().limit(limits=1):
            return work(*args, **keys)

    return limited


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def remembered(fit: Callable[..., R]) -> Callable[..., R]:
    """Let a pure function of hashable data keep its last results: most kinds of layer learn nothing new from most results."""
    memory = lru_cache(maxsize=_REMEMBERED)(fit)
    _memories.append(memory)
    return memory


def forget() -> None:
    """Drop all that is remembered, e.g. to time a fit."""
    for memory in _memories:
        memory.cache_clear()
