"""`dse`: design-space exploration for neural networks that hls4ml turns into FPGA designs.

From Python: `dse.open(path)` looks at a campaign, `dse.run(path)` runs one, `dse.estimate(model)` says what a network would
cost, `dse.ask_tell(path)` is for a loop of your own; see `dse.api`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dse.api import AskTell, Figure, Results, Trials, ask_tell, estimate, run
    from dse.api import open_results as open  # noqa: A004
    from dse.design import DesignPoint, LayerChoice
    from dse.errors import DseError
    from dse.qor import Failure, FailureKind, Qor

__version__ = "0.1.0"

__all__ = [
    "AskTell",
    "DesignPoint",
    "DseError",
    "Failure",
    "FailureKind",
    "Figure",
    "LayerChoice",
    "Qor",
    "Results",
    "Trials",
    "ask_tell",
    "estimate",
    "open",
    "run",
]

_ELSEWHERE = {
    **dict.fromkeys(("AskTell", "Figure", "Results", "Trials", "ask_tell", "estimate", "run"), "dse.api"),
    **dict.fromkeys(("DesignPoint", "LayerChoice"), "dse.design"),
    **dict.fromkeys(("Failure", "FailureKind", "Qor"), "dse.qor"),
    "DseError": "dse.errors",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import dse` costs nothing."""
    from importlib import import_module

    if name == "open":
        return import_module("dse.api").open_results
    if name in _ELSEWHERE:
        return getattr(import_module(_ELSEWHERE[name]), name)
    raise AttributeError(f"module 'dse' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
