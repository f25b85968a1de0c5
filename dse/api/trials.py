"""Some trials of a campaign, as a sequence and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any, overload

from dse.errors import SpecError
from dse.search.base import Trial

if TYPE_CHECKING:
    import pandas

SHOWN = ("number", "status", "proposed_by", "ii_cycles_max", "latency_cycles_max", "dsp", "lut", "ff", "bram_18k")


class Trials(Sequence[Trial]):
    """Some trials of a campaign: a sequence, a table in a notebook, a data frame if pandas is installed."""

    def __init__(self, trials: Sequence[Trial], rows: list[dict[str, Any]]) -> None:
        self._trials, self._rows = tuple(trials), rows

    def __len__(self) -> int:
        return len(self._trials)

    @overload
    def __getitem__(self, index: int) -> Trial: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Trial, ...]: ...

    def __getitem__(self, index: int | slice) -> Trial | tuple[Trial, ...]:
        return self._trials[index]

    def __repr__(self) -> str:
        return f"<{len(self)} trials>"

    def rows(self) -> list[dict[str, Any]]:
        """Return one dictionary a trial; columns as in `dse export`, None where something is unknown."""
        return [dict(row) for row in self._rows]

    def to_pandas(self) -> pandas.DataFrame:
        """Return the same as a data frame.

        Raises:
            SpecError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise SpecError('to_pandas: needs pandas. Install it: pip install "dse[data]", or use rows().') from error
        return pandas.DataFrame(self._rows)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in (*SHOWN, "reuse factors"))
        body = []
        for trial, row in zip(self._trials, self._rows, strict=True):
            cells = [_cell(row[name]) for name in SHOWN] + [escape(str(trial.point))]
            body.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if isinstance(value, float) else escape(str(value))
