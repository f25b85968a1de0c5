"""`dse bench`: the benchmarks of a checkout. They are no part of an installed `dse`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import dse
from dse.errors import SpecError


def __getattr__(name: str) -> Any:
    """Return a command of the package `benchmarks`, which lies beside `dse` in a checkout and nowhere else.

    Raises:
        SpecError: this `dse` is not the one of a checkout.
    """
    checkout = Path(dse.__file__).resolve().parents[1]
    if name.startswith("__"):
        raise AttributeError(name)
    if not (checkout / "benchmarks" / "command.py").is_file():
        raise SpecError(
            "dse bench: the benchmarks are not installed with dse. Clone its repository, and in it: pip install --editable . --no-deps"
        )
    sys.path.insert(0, str(checkout))  # and no other package of that name
    try:
        return getattr(importlib.import_module("benchmarks.command"), name)
    finally:
        sys.path.remove(str(checkout))
