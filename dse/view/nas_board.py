"""The live terminal of an architecture search as lines of styled text for a width and a height; pure, as `board` is for campaigns.

What comes first survives in a small window: what the search is at, its trainings, the front, what ended last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dse.nas.records import Outcome
from dse.text import one_line
from dse.view.nas_chart import BEST, chart, sparkline
from dse.view.nas_figures import WORDS
from dse.view.nas_outlook import Flight, Range, rest_of
from dse.view.nas_story import NasStory, axes_of
from dse.view.text import clock, joined, remaining, span

if TYPE_CHECKING:
    from rich.text import Text

KEYS = ("d detach", "? help", "Ctrl-C stop")
WATCH_KEYS = ("q quit", "? help")
HELP = (
    "d  leave now; the trainings go on, the same command returns to them",
    "^C start nothing new, wait for the trainings; twice: end them",
    "*  on the front: no other network is better in every objective",
    "?  this help",
)
WATCH_HELP = (
    "q  leave; this only looks, the search goes on",
    HELP[2],
    HELP[3],
)
_CURVE = 16
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
        flights: the trainings under way.
        seconds: wall time of the search, all sessions.
        eta: range of seconds that the search still takes, None where nobody can say; see `nas_outlook`.
        is_over: whether the search has stopped.
        is_watching: whether somebody else runs the search, so that no key changes it.
        signal: what the user asked it to do.
    """

    story: NasStory
    flights: tuple[Flight, ...] = ()
    seconds: float = 0.0
    eta: Range | None = None
    is_over: bool = False
    is_watching: bool = False
    has_help: bool = False
    has_keys: bool = True
    signal: str = ""


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
        front = chart(board.story, width, room - len(last) - 2)
        body = [*_apart(front), *_apart(last)] if room > 8 else (front or _ended(board, width, room, has_head=False))
    found = [*head, *kept, *body[: max(0, room)], *foot]
    for line in found:
        line.truncate(width, overflow="ellipsis")
    return found[:height]


def _apart(block: list[Text]) -> list[Text]:
    from rich.text import Text

    return [Text(""), *block] if block else []


def _headline(board: NasBoard, width: int) -> str:
    story, spec, ended = board.story, board.story.spec, board.story.ended
    n_failed = sum(candidate.outcome is Outcome.FAILED for candidate in ended)
    trials = spec.budget.trials
    done = (
        f"{len(ended)}{f' of {trials}' if trials else ''} trainings"
        if width >= 60
        else f"{len(ended)}{f'/{trials}' if trials else ''}"
    )
    told_best = f"best {WORDS[axes_of(spec)[1]]} {story.best_error:.4g}" if story.best_error is not None else ""
    eta = "" if board.is_over else f"ETA {remaining(board.eta)}"
    parts = [spec.name, done, told_best, span(board.seconds), eta]
    parts += [f"{n_failed} failed" if n_failed else "", f"hypervolume {story.volume:.4f}" if story.volume is not None else ""]
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
            "epoch": f"{len(curve)}/{board.story.spec.training.epochs}" if curve or not board.is_watching else "-",
            "best": f"{min(curve):.4g}" if curve else "-",
            "curve": sparkline(curve, _CURVE) or "-",
            "elapsed": clock(flight.seconds) if flight.seconds or not board.is_watching else "-",
            "ETA": remaining(rest_of(flight, board.story)),
        }
        found.append(_row(shown, cells, str(flight.candidate.architecture), width))
    return found


def _ended(board: NasBoard, width: int, room: int, *, has_head: bool = True) -> list[Text]:
    """What ended last, the newest first."""
    across, best = axes_of(board.story.spec)[0], board.story.best_numbers
    shown = _fitting(_ENDED, width)
    found = [_row(shown, {name: name for name, _ in shown} | {"#": "last"}, "network", width, "dim")] if has_head else []
    for candidate in reversed(board.story.ended[-_LAST:]):
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
        found.append(_row(shown, cells, rest, width, BEST if is_best else "red" if candidate.outcome is Outcome.FAILED else ""))
    return found[:room] if len(found) > has_head else []


def _foot(board: NasBoard, width: int) -> list[Text]:
    from rich.text import Text

    if board.signal:
        return [Text(one_line(board.signal)[:width], style="yellow")]
    if not board.has_keys:
        return []
    return [Text(joined(list(WATCH_KEYS if board.is_watching else KEYS), width), style="dim")]
