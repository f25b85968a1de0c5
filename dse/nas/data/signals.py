"""A run: signals recorded together, and what is to be predicted from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dse.errors import DseError

Floats = NDArray[np.float32]


class DataError(DseError):
    """Data that cannot be learned from: missing, torn, of unequal lengths, constant."""

    exit_code = 2


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One recording.

    Attributes:
        name: unique among the runs of a set.
        inputs: (n, channels) float32, finite.
        target: (n,) float32, finite: the value (or the class) at each sample.
        carried: how many missing values were filled by carrying the last one forward.
        dropped: how many samples at the beginning were left out because nothing was there to carry.
    """

    name: str
    inputs: Floats
    target: Floats
    carried: int = 0
    dropped: int = 0

    @property
    def n_samples(self) -> int:
        return len(self.target)

    @property
    def n_channels(self) -> int:
        return int(self.inputs.shape[1])


def make_run(name: str, inputs: ArrayLike, target: ArrayLike) -> Run:
    """Return a run with its missing values (NaN) filled by the last value before them.

    Args:
        inputs: (n,) or (n, channels).
        target: (n,).

    Raises:
        DataError: lengths differ, nothing is left, or a value is infinite.
    """
    columns = np.array(inputs, dtype=np.float64, ndmin=1)
    columns = columns[:, None] if columns.ndim == 1 else columns
    values = np.array(target, dtype=np.float64, ndmin=1)
    if columns.ndim != 2 or values.ndim != 1:
        raise DataError(
            f"run {name}: got inputs of shape {columns.shape} and target of shape {values.shape}, expected (n, channels) and (n,)"
        )
    if len(columns) != len(values):
        raise DataError(
            f"run {name}: got {len(columns)} input samples and {len(values)} target samples, expected as many of both. Pair other files."
        )
    table = np.column_stack([columns, values])
    if np.isinf(table).any():
        raise DataError(f"run {name}: sample {int(np.argmax(np.isinf(table).any(axis=1)))} is infinite, expected finite numbers")
    missing = np.isnan(table)
    complete = np.logical_and.accumulate(missing, axis=0).any(axis=1)  # some column has had no value so far
    start = int(complete.sum())
    if start == len(table):
        raise DataError(f"run {name}: got {len(table)} samples, expected at least one with a value in every column")
    filled = _carry(table, missing)[start:]
    return Run(name, filled[:, :-1].astype(np.float32), filled[:, -1].astype(np.float32), int(missing[start:].sum()), start)


def _carry(table: NDArray[np.float64], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the table with every NaN replaced by the last value above it; leading ones stay."""
    last = np.where(missing, 0, np.arange(len(table))[:, None])
    np.maximum.accumulate(last, axis=0, out=last)
    return np.take_along_axis(table, last, axis=0)


def check_set(runs: Sequence[Run], where: str) -> tuple[Run, ...]:
    """Return the runs by name, after checking that they belong together.

    Raises:
        DataError: there are none, two have one name, or they have different channels.
    """
    if not runs:
        raise DataError(f"{where}: no runs found. Check the path and the file names.")
    ordered = tuple(sorted(runs, key=lambda run: run.name))
    for one, other in pairwise(ordered):
        if one.name == other.name:
            raise DataError(f"{where}: two runs are named {one.name!r}; expected each name once. Rename one of them.")
        if one.n_channels != other.n_channels:
            raise DataError(
                f"{where}: {one.name} has {one.n_channels} channels, {other.name} {other.n_channels}; expected the same of all"
            )
    return ordered
