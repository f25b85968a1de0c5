"""The live terminal of an architecture search as lines of styled text for a width and a height; pure, as `board` is for campaigns.

What comes first survives in a small window: what the search is at, its trainings, the front, what ended last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from dse.nas.records import SPENT, Candidate, Outcome, front_of, volume_of
from dse.nas.spec import NasSpec
from dse.view.nas_figures import WORDS, axes_of
from dse.view.nas_outlook import Flight, Range, rest_of
from dse.view.text import clock, joined, one_line, remaining, span

if TYPE_CHECKING:
    from rich.text import Text

KEYS = ("d leave", "? help", "Ctrl-C stop")
WATCH_KEYS = ("q quit", "? help")
HELP = (
    "d  leave now; trainings under way are asked again by the same command",
    "^C start nothing new, wait for the trainings; twice: leave now",
    "*  on the front: no other network is better in every objective",
    "?  this help",
)
WATCH_HELP = (
    "q  leave; this only looks, the search goes on",
    HELP[2],
    HELP[3],
)
_BARS = "▁▂▃▄▅▆▇█"
_BEST = "bold #2a9d77"  # a mid tone that reads on light and dark terminals alike
_CURVE = 16
_CHART_ROWS, _CHART_COLUMNS = 10, 72
_LAST = 5

Column = tuple[str, int, int]  # name, width, how soon it is given up
_FLIGHTS: tuple[Column, ...] = (
    ("#", 5, 0),
    ("epoch", 7, 1),
    ("best", 8, 2),
    ("curve", _CURVE + 1, 4),
    ("elapsed", 8, 5),
    ("ETA", 9, 3),
)
_ENDED: tuple[Column, ...] = (
    ("#", 5, 0),
    ("ended", 10, 2),
    ("error", 8, 1),
    ("cost", 8, 3),
    ("curve", _CURVE + 1, 4),
    ("epochs", 7, 6),
    ("took", 8, 5),
)


@dataclass(frozen=True, slots=True)
class NasBoard:
    """One moment.

    Attributes:
        candidates: all that were asked, as last heard.
        flights: the trainings under way.
        seconds: wall time of the search, all sessions.
        eta: range of seconds that the search still takes, None where nobody can say; see `nas_outlook`.
        is_over: whether the search has stopped.
        is_watching: whether somebody else runs the search, so that no key changes it.
        signal: what the user asked it to do.
    """

    spec: NasSpec
    candidates: tuple[Candidate, ...] = ()
    flights: tuple[Flight, ...] = ()
    seconds: float = 0.0
    eta: Range | None = None
    is_over: bool = False
    is_watching: bool = False
    has_help: bool = False
    has_keys: bool = True
    signal: str = ""

    @property
    def ended(self) -> tuple[Candidate, ...]:
        """Whatever took a training."""
        return tuple(candidate for candidate in self.candidates if candidate.outcome in SPENT)

    @property
    def best_numbers(self) -> frozenset[int]:
        """Who is on the front."""
        return frozenset(candidate.number for candidate in front_of(self.candidates, self.spec.goals))


def lines(board: NasBoard, width: int, height: int) -> list[Text]:
    """Return at most `height` lines, none wider than `width`."""
    from rich.text import Text

    head, foot = [Text(_headline(board, width), style="bold")], _foot(board, width)
    flights = _flights(board, width, has_head=height >= 8)
    room = height - len(head) - len(foot)
    kept = flights[: max(1, room - (1 if room > 2 else 0))]
    room -= len(kept)
    if board.has_help and height >= 8:
        body = _apart([Text(line) for line in (WATCH_HELP if board.is_watching else HELP)])
    else:
        last = _ended(board, width, max(0, min(_LAST + 1, room - 6) if room > 8 else 0))
        chart = _chart(board, width, room - len(last) - 2)
        body = [*_apart(chart), *_apart(last)] if room > 8 else (chart or _ended(board, width, room, has_head=False))
    found = [*head, *kept, *body[: max(0, room)], *foot]
    for line in found:
        line.truncate(width, overflow="ellipsis")
    return found[:height]


def _apart(block: list[Text]) -> list[Text]:
    from rich.text import Text

    return [Text(""), *block] if block else []


def _headline(board: NasBoard, width: int) -> str:
    spec, ended = board.spec, board.ended
    n_failed = sum(candidate.outcome is Outcome.FAILED for candidate in ended)
    best = min((c.error for c in ended if c.outcome is Outcome.TRAINED and c.error is not None), default=None)
    volume = volume_of(board.candidates, spec.goals)
    trials = spec.budget.trials
    done = (
        f"{len(ended)}{f' of {trials}' if trials else ''} trainings"
        if width >= 60
        else f"{len(ended)}{f'/{trials}' if trials else ''}"
    )
    told_best = f"best {WORDS[axes_of(spec)[1]]} {best:.4g}" if best is not None else ""
    eta = "" if board.is_over else f"ETA {remaining(board.eta)}"
    parts = [spec.name, done, told_best, span(board.seconds), eta]
    parts += [f"{n_failed} failed" if n_failed else "", f"hypervolume {volume:.4f}" if volume is not None else ""]
    if width < 34:  # the name is known to who started it
        parts = [f"{done} done", span(board.seconds), eta, told_best]
    return one_line(joined(parts, width))


def _fitting(columns: Sequence[Column], width: int) -> list[tuple[str, int]]:
    """Return the columns that fit, the least telling left out first."""
    kept, used = set(), 0
    for name, size, _ in sorted(columns, key=lambda column: column[2]):
        if used + size <= width:
            kept.add(name)
            used += size
    return [(name, size) for name, size, _ in columns if name in kept]


def _row(shown: list[tuple[str, int]], cells: dict[str, str], rest: str, width: int, style: str = "") -> Text:
    from rich.text import Text

    line = Text("".join(f"{one_line(cells[name], size - 1):<{size}}" for name, size in shown), style=style)
    if width - sum(size for _, size in shown) >= 14:
        line.append(one_line(rest), style="dim")
    return line


def _flights(board: NasBoard, width: int, *, has_head: bool) -> list[Text]:
    from rich.text import Text

    if not board.flights:
        return [
            Text(
                "done" if board.is_over else "no training is under way" if board.is_watching else "choosing the next network",
                style="dim",
            )
        ]
    shown = _fitting(_FLIGHTS, width)
    found = [_row(shown, {name: name for name, _ in shown}, "network", width, "dim")] if has_head else []
    for flight in board.flights:
        curve = flight.curve
        cells = {
            "#": f"#{flight.candidate.number}",
            "epoch": f"{len(curve)}/{board.spec.training.epochs}" if curve or not board.is_watching else "-",
            "best": f"{min(curve):.4g}" if curve else "-",
            "curve": sparkline(curve, _CURVE) or "-",
            "elapsed": clock(flight.seconds) if flight.seconds or not board.is_watching else "-",
            "ETA": remaining(rest_of(flight, board.candidates, board.spec)),
        }
        found.append(_row(shown, cells, str(flight.candidate.architecture), width))
    return found


def _ended(board: NasBoard, width: int, room: int, *, has_head: bool = True) -> list[Text]:
    """What ended last, the newest first."""
    across, best = axes_of(board.spec)[0], board.best_numbers
    shown = _fitting(_ENDED, width)
    found = [_row(shown, {name: name for name, _ in shown} | {"#": "last"}, "network", width, "dim")] if has_head else []
    for candidate in reversed(board.ended[-_LAST:]):
        cost = candidate.value(across)
        is_best = candidate.number in best
        cells = {
            "#": f"#{candidate.number}{'*' if is_best else ''}",
            "ended": candidate.outcome.value,
            "error": "-" if candidate.error is None else f"{candidate.error:.4g}",
            "cost": "-" if cost is None else f"{cost:.4g}",
            "curve": sparkline(candidate.curve, _CURVE) or "-",
            "epochs": str(len(candidate.curve)),
            "took": "-" if candidate.seconds is None else span(candidate.seconds),
        }
        rest = candidate.reason if candidate.outcome is Outcome.FAILED else str(candidate.architecture)
        found.append(_row(shown, cells, rest, width, _BEST if is_best else "red" if candidate.outcome is Outcome.FAILED else ""))
    return found[:room] if len(found) > has_head else []


def _chart(board: NasBoard, width: int, room: int) -> list[Text]:
    """Error against cost in characters, both from their smallest to their largest; costs, and errors that span far, as logarithms."""
    from rich.text import Text

    across, upwards = axes_of(board.spec)
    whole = [c for c in board.ended if c.values(board.spec.goals) is not None]
    places = [(x, y, c.number) for c in whole if (x := c.value(across)) is not None and (y := c.value(upwards)) is not None]
    rows, left = min(room - 2, _CHART_ROWS), 9
    columns = min(width - left - 1, _CHART_COLUMNS)
    if not places or rows < 3 or columns < 20:
        return []
    xs, ys = [x for x, _, _ in places], [y for _, y, _ in places]
    best = board.best_numbers
    field = {}
    for x, y, number in sorted(places, key=lambda place: place[2] in best):
        column, row = _place(x, xs, columns), rows - 1 - _place(y, ys, rows, is_log=max(ys) > 8 * min(ys))
        field[row, column] = "*" if number in best else "·"
    found = [Text(f"{WORDS[upwards]} against {WORDS[across]}: * front, · others", style="dim")]
    for row in range(rows):
        label = f"{max(ys):.4g}" if row == 0 else f"{min(ys):.4g}" if row == rows - 1 and max(ys) > min(ys) else ""
        line = Text(f"{label:>{left - 2}} │", style="dim")
        for column in range(columns):
            mark = field.get((row, column), " ")
            line.append(mark, style=f"not dim {_BEST}" if mark == "*" else "")
        found.append(line)
    low, high = f"{min(xs):.4g}", f"{max(xs):.4g}" if max(xs) > min(xs) else ""
    gap = columns - len(low) - len(high)
    found.append(Text(f"{' ' * left}{low}{'─' * gap}{high}", style="dim"))
    return found


def _place(value: float, values: list[float], cells: int, *, is_log: bool = True) -> int:
    low, high = min(values), max(values)
    if high <= low:
        return cells // 2
    share = log(value / low) / log(high / low) if is_log and low > 0 else (value - low) / (high - low)
    return min(cells - 1, int(share * cells))


def _foot(board: NasBoard, width: int) -> list[Text]:
    from rich.text import Text

    if board.signal:
        return [Text(one_line(board.signal)[:width], style="yellow")]
    if not board.has_keys:
        return []
    return [Text(joined(list(WATCH_KEYS if board.is_watching else KEYS), width), style="dim")]


def sparkline(curve: Sequence[float], width: int = _CURVE) -> str:
    """Return a curve as little bars from its smallest to its largest value; a long one is thinned, its last value stays.

    >>> sparkline((4.0, 2.0, 1.0)), sparkline(range(100, 0, -1), 4)
    ('█▃▁', '█▅▃▁')
    """
    n = len(curve)
    shown = [curve[(i + 1) * n // width - 1] for i in range(width)] if n > width else list(curve)
    low, high = min(shown, default=0.0), max(shown, default=0.0)
    return "".join(_BARS[int((value - low) / (high - low) * 7) if high > low else 0] for value in shown)
