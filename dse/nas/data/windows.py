"""From runs to what a network learns from: splits by whole run, windows that end at the same instants whatever their length.

Notation: L samples a window, C channels, h horizon (samples from the window's last one to the target), n windows.

Protocol `dse`: window k ends at sample M - 1 + k s (M the longest window of the search space, s the stride), so that networks of all
input lengths are judged on the same targets. Both sides are standardised with mean and deviation of the training runs alone.
Protocol `n-torc` (Singh et al., FCCM 2025): windows of L samples side by side, target the sample behind the window; each run divided by
its own standard deviations; validation is the last 30 % of the windows of all training runs. It lets a run's own statistics and the
neighborhood of training windows into the answer, and is offered for comparison with published numbers only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dse.nas.data.signals import DataError, Floats, Run

Protocol = Literal["dse", "n-torc"]
Split = Literal["training", "validation", "test"]
SPLITS: tuple[Split, ...] = ("training", "validation", "test")

_VALIDATION_SHARE = 0.3
_EVERY = 5  # without named validation runs, one in so many training runs


@dataclass(frozen=True, slots=True)
class Cutting:
    """How runs are cut.

    Attributes:
        validation, test: names of whole runs. Without validation runs, every fifth of the others is taken (`dse`).
        horizon: samples from a window's end to its target; 0 is the window's last sample.
        stride: samples between windows (`dse`).
        longest: samples of the longest window (`dse`).
        maximum: windows kept of each split, evenly spread; None keeps all.
    """

    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    protocol: Protocol = "dse"
    horizon: int = 0
    stride: int = 16
    longest: int = 1
    maximum: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """What is learned from.

    Attributes:
        x: split -> (n, L, C) float32.
        y: split -> (n,) float32; a standardised value, or a class.
        scale: an error in y times this is an error in the target's own unit.
    """

    x: dict[Split, Floats]
    y: dict[Split, Floats]
    scale: float = 1.0


def split_runs(runs: Sequence[Run], cutting: Cutting) -> dict[Split, tuple[Run, ...]]:
    """Return which runs belong where; with `n-torc` validation is cut from the training runs' windows, so it has no runs here.

    Raises:
        DataError: a name is unknown or in two splits, or a split is empty.
    """
    names = {run.name for run in runs}
    for name in (*cutting.validation, *cutting.test):
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(sorted(names))}"
            raise DataError(f"data: no run {name!r}; {hint}")
    twice = sorted(set(cutting.validation) & set(cutting.test))
    if twice:
        raise DataError(f"data: run {twice[0]!r} is for validation and for testing, expected one of the two")
    others = [run for run in runs if run.name not in (*cutting.test, *cutting.validation)]
    held = {run.name for run in runs if run.name in cutting.validation}
    if not held and cutting.protocol == "dse":
        held = {run.name for run in others[_EVERY - 1 :: _EVERY] or others[1:][-1:]}
    found: dict[Split, tuple[Run, ...]] = {
        "training": tuple(run for run in others if run.name not in held),
        "validation": tuple(run for run in runs if run.name in held),
        "test": tuple(run for run in runs if run.name in cutting.test),
    }
    needed = ("training", "validation") if cutting.protocol == "dse" else ("training",)
    for split in needed:
        if not found[split]:  # type: ignore[index]
            raise DataError(
                f"data: the {split} split is empty; got {len(runs)} runs, {len(cutting.test)} of them for testing. Name fewer."
            )
    return found


def cut(runs: Sequence[Run], cutting: Cutting, length: int, *, is_classes: bool = False) -> Windows:
    """Return the windows of one input length.

    Raises:
        DataError: a split has no window, or the training target is constant.
    """
    split = split_runs(runs, cutting)
    if cutting.protocol == "n-torc":
        return _cut_as_ntorc(split, cutting, length, is_classes)
    return _cut(split, cutting, length, is_classes)


def ends(n_samples: int, cutting: Cutting) -> NDArray[np.intp]:
    """Return the indices of all windows' last samples in a run of so many."""
    return np.arange(cutting.longest - 1, n_samples - cutting.horizon, cutting.stride, dtype=np.intp)


def _cut(split: dict[Split, tuple[Run, ...]], cutting: Cutting, length: int, is_classes: bool) -> Windows:
    training = split["training"]
    inputs = np.concatenate([run.inputs for run in training]).astype(np.float64)
    mean, deviation = inputs.mean(axis=0), inputs.std(axis=0)
    if not (deviation > 0).all():
        raise DataError(f"data: input {int(np.argmin(deviation)) + 1} is constant in all training runs; leave it out")
    offset, scale = _target_scale(training, is_classes)

    def pieces(run: Run) -> tuple[Floats, Floats]:
        at = ends(run.n_samples, cutting)
        rows = at[:, None] + np.arange(1 - length, 1)
        x = ((run.inputs - mean) / deviation).astype(np.float32)[rows]
        return x, ((run.target[at + cutting.horizon] - offset) / scale).astype(np.float32)

    return _assemble({name: [pieces(run) for run in split[name]] for name in SPLITS}, cutting, length, scale)


def _target_scale(training: Iterable[Run], is_classes: bool) -> tuple[float, float]:
    target = np.concatenate([run.target for run in training]).astype(np.float64)
    if target.min() == target.max():
        raise DataError(f"data: the target is {target[0]:g} in all training runs, expected it to vary. Choose other runs.")
    return (0.0, 1.0) if is_classes else (float(target.mean()), float(target.std()))


def _cut_as_ntorc(split: dict[Split, tuple[Run, ...]], cutting: Cutting, length: int, is_classes: bool) -> Windows:
    _target_scale(split["training"], is_classes)

    def pieces(run: Run) -> tuple[Floats, Floats]:
        n = (run.n_samples - 1) // length
        deviation, scale = run.inputs.std(axis=0), 1.0 if is_classes else float(run.target.std())
        if not (deviation > 0).all() or scale == 0:
            raise DataError(f"run {run.name}: a signal is constant, so it cannot be divided by its own deviation (protocol n-torc)")
        x = (run.inputs[: n * length] / deviation).reshape(n, length, run.n_channels)
        return x.astype(np.float32), (run.target[length : n * length + 1 : length] / scale).astype(np.float32)

    learned = [pieces(run) for run in split["training"]]
    x, y = (np.concatenate(column) for column in zip(*learned, strict=True))
    border = len(y) - int(np.ceil(_VALIDATION_SHARE * len(y)))
    parts = {"training": [(x[:border], y[:border])], "validation": [(x[border:], y[border:])]}
    tested = [pieces(run) for run in split["test"]]
    return _assemble({**parts, "test": tested}, cutting, length, 1.0)  # type: ignore[dict-item]


def _assemble(pieces: dict[Split, list[tuple[Floats, Floats]]], cutting: Cutting, length: int, scale: float) -> Windows:
    x: dict[Split, Floats] = {}
    y: dict[Split, Floats] = {}
    for name, found in pieces.items():
        n = sum(len(target) for _, target in found)
        if not found and name == "test":
            continue
        if n == 0:
            raise DataError(
                f"data: the {name} split has no window of {length} samples (horizon {cutting.horizon}); use longer runs"
            )
        keep = (
            np.arange(n) if cutting.maximum is None or n <= cutting.maximum else np.linspace(0, n - 1, cutting.maximum).astype(int)
        )
        x[name] = np.concatenate([part for part, _ in found])[keep]
        y[name] = np.concatenate([part for _, part in found])[keep]
    return Windows(x, y, scale)


class Cutter:
    """Cuts a set of runs, remembering the last few lengths, because neighbors in a search often share theirs."""

    def __init__(self, runs: Sequence[Run], cutting: Cutting, *, is_classes: bool = False, kept: int = 4) -> None:
        self.runs = tuple(runs)
        self._make: Callable[[int], Windows] = lambda length: cut(runs, cutting, length, is_classes=is_classes)
        self._kept, self._known = kept, dict[int, Windows]()

    def __call__(self, length: int) -> Windows:
        """Return the windows of one input length."""
        if length not in self._known:
            while len(self._known) >= self._kept:
                self._known.pop(next(iter(self._known)))
            self._known[length] = self._make(length)
        return self._known[length]
