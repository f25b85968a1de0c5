"""The live terminal as lines of styled text for a width and a height; pure, so that every size can be tested.

What comes first survives in a small window: what the campaign is at, its jobs, how level the layers are, what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dse.qor import Failure, Qor
from dse.search.base import Trial
from dse.synth_backends.base import Progress
from dse.text import one_line
from dse.view.bars import flat_bars, tall_bars
from dse.view.story import Story
from dse.view.text import clock, joined, memory, remaining, span

if TYPE_CHECKING:
    from rich.text import Text

KEYS = ("d detach", "k cancel a job", "l log", "? help", "Ctrl-C stop")
SLOTS_KEY = "< > jobs at once"
WATCH_KEYS = ("q quit", "l log", "? help")
HELP = (
    "d  leave; the jobs go on, the same command returns to them",
    "k  cancel a job (asks first)",
    "l  the end of a job's log; again: the next one's, then none",
    "<  fewer jobs at once, this session; > more again, up to backend.slots",
    "^C start nothing new, wait for what runs; twice: cancel it",
    "?  this help",
)
WATCH_HELP = (
    "q  leave; this only looks, the campaign goes on",
    "l  the end of a job's log; again: the next one's, then none",
    "?  this help",
)


@dataclass(frozen=True, slots=True)
class Board:
    """One moment.

    Attributes:
        jobs: (trial, its progress as last heard, None before the first word) of all that is under way.
        since: seconds since `jobs` was heard.
        seconds: wall time of the campaign, all sessions.
        eta: range of seconds that the campaign still takes, None where nobody can say; see `outlook`.
        slots: how many jobs may run at once if the user changed that.
        is_watching: whether somebody else runs the campaign, so that no key changes it.
        question: what the user is asked, or told, right now.
        log: (whose, lines) of a log that the user wants to see.
    """

    story: Story
    jobs: tuple[tuple[Trial, Progress | None], ...] = ()
    since: float = 0.0
    seconds: float = 0.0
    question: str = ""
    has_help: bool = False
    log: tuple[str, tuple[str, ...]] | None = None
    has_keys: bool = True
    signal: str = ""
    eta: tuple[float, float] | None = None
    is_watching: bool = False
    slots: int | None = None


def lines(board: Board, width: int, height: int) -> list[Text]:
    """Return at most `height` lines, none wider than `width`."""
    from rich.text import Text

    head = [Text(_headline(board, width), style="bold")]
    jobs = _jobs(board, width, has_head=height >= 8)
    foot = _foot(board, width)
    if board.has_help and height >= 8:
        body = [Text(one_line(line)[:width]) for line in (WATCH_HELP if board.is_watching else HELP)]
    elif board.log is not None and height >= 7:
        title, shown = board.log
        body = [
            Text(one_line(f"log of {title}")[:width], style="bold"),
            *(Text(one_line(line)[:width], style="dim") for line in shown),
        ]
        room = max(2, height - len(head) - len(jobs) - len(foot))
        body = [body[0], *body[1:][-(room - 1) :]]
    else:
        body = _results(board, width, height - len(head) - len(jobs) - len(foot))
    room = height - len(head) - len(foot)
    kept_jobs = jobs[: max(1, room - min(len(body), 1))]
    found = [*head, *kept_jobs, *body[: room - len(kept_jobs)], *foot]
    for line in found:
        line.truncate(width, overflow="ellipsis")
    return found[:height]


def _headline(board: Board, width: int) -> str:
    story, state = board.story, board.story.state
    spec = story.question.spec
    n_failed = sum(isinstance(trial.outcome, Failure) for trial in state.finished)
    best = story.summary.incumbent
    parts = [f"{spec.name} {spec.mode}", f"{len(state.finished)} done"]
    parts.append(f"{state.cache_hits} cached" if state.cache_hits else "")
    parts.append(f"{n_failed} failed" if n_failed else "")
    parts.append(f"best {_short(story, best.qor)}" if best and best.qor else "")
    parts.append(span(board.seconds))
    parts.append(f"ETA {remaining(board.eta)}" if state.stop is None else "")
    if width < 34:  # the name is known to who started it
        parts = [parts[1], parts[4], *parts[2:4], parts[0]]
    return one_line(joined(parts, width))


def _short(story: Story, qor: Qor) -> str:
    cycles = getattr(qor, story.metric)
    word = "II" if story.metric == "ii_cycles_max" else "latency"
    text = f"{word} {cycles:,.0f}" if cycles is not None else ""
    return text + (f" @ {qor.dsp:,.0f} DSP" if qor.dsp is not None else "")


def _jobs(board: Board, width: int, *, has_head: bool) -> list[Text]:
    """One line a job; columns that do not fit are left out, the least telling first."""
    from rich.text import Text

    if not board.jobs:
        return [Text("choosing the next designs" if board.story.state.stop is None else "done", style="dim")]
    columns = (  # name, width, how soon it is given up
        ("job", 5, 0),
        ("id", 7, 5),
        ("host", 9, 6),
        ("state", 8, 1),
        ("phase", 22, 3),
        ("elapsed", 8, 2),
        ("ETA", 9, 4),
        ("mem", 6, 7),
    )
    kept, used = set(), 0
    for name, size, _ in sorted(columns, key=lambda column: column[2]):
        if used + size <= width:
            kept.add(name)
            used += size
    shown = [(name, size) for name, size, _ in columns if name in kept]
    heads = "".join(f"{name:<{size}}" for name, size in shown) + ("reuse factors" if width - used >= 14 else "")
    found = [Text(heads, style="dim")] if has_head else []
    for trial, progress in board.jobs:
        cells = _cells(trial, progress, board.since)
        line = Text("".join(f"{one_line(cells[name], size - 1):<{size}}" for name, size in shown))
        if width - used >= 14:
            line.append(" ".join(map(str, trial.point.reuse_factors)), style="dim")
        if progress is not None and progress.state == "waiting":
            line.stylize("yellow")
        found.append(line)
    return found


def _cells(trial: Trial, progress: Progress | None, since: float) -> dict[str, str]:
    state = progress.state if progress else "new"
    told = progress or Progress(trial.key, "queued")
    is_running = state == "running" and told.elapsed_seconds is not None
    elapsed = told.elapsed_seconds + since if is_running and told.elapsed_seconds is not None else told.elapsed_seconds
    return {
        "job": f"#{trial.number}",
        "id": trial.key[:6],
        "host": told.host or "-",
        "state": state,
        "phase": (told.message if state == "waiting" and told.message else told.phase) or "-",
        "elapsed": clock(elapsed),
        "ETA": remaining(told.eta_seconds, since) if state == "running" else "-",
        "mem": memory(told.memory_bytes),
    }


def _results(board: Board, width: int, room: int) -> list[Text]:
    """How level the layers are, the best design, the certificate and the spend, as many lines as there is room for."""
    from rich.text import Text

    story = board.story
    best = story.summary.incumbent
    facts = [Text(line) for line in (_best(story, best, width), _spend(board, width)) if line]
    measured = [trial for trial in story.state.finished if trial.qor]
    trial = best or (measured[-1] if measured else None)
    if trial is None or room <= 0:
        return facts[: max(room, 0)]
    n = len(story.layers)
    if room >= n + len(facts) + 2 and width >= 44:
        return [Text(""), *tall_bars(story, trial, width), Text(""), *facts][:room]
    return [flat_bars(story, trial, width), *facts][:room]


def _best(story: Story, best: Trial | None, width: int) -> str:
    if best is None or best.qor is None:
        return "nothing feasible yet" if story.state.finished else ""
    part = story.question.spec.part
    shares = [
        f"{name} {100 * used / part.capacity(metric):.0f} %"
        for name, metric in (("DSP", "dsp"), ("LUT", "lut"), ("FF", "ff"), ("BRAM", "bram_18k"))
        if (used := getattr(best.qor, metric)) is not None and part.capacity(metric)
    ]
    latency = f"latency {best.qor.latency_cycles_max:,.0f}" if best.qor.latency_cycles_max is not None else ""
    return joined(
        [f"best #{best.number}", _short(story, best.qor), *shares, "" if story.metric.startswith("lat") else latency], width
    )


def _spend(board: Board, width: int) -> str:
    state, budget = board.story.state, board.story.question.spec.budget
    parts = [f"{state.syntheses}{f' of {budget.syntheses}' if budget.syntheses else ''} {board.story.words.many}"]
    certificate = state.certificate
    if certificate is not None and certificate.gap is not None:
        parts.append(f"gap {certificate.gap:.1%} (stops at {certificate.tolerance:.1%})")
    most = board.story.question.spec.slots
    parts.append(f"{board.slots} of {most} jobs at once" if board.slots not in (None, most) else "")
    hours = f" of {budget.hours:g} h" if budget.hours else ""
    parts.append(f"{span(board.seconds)}{hours}")
    return joined(parts, width)


def _foot(board: Board, width: int) -> list[Text]:
    from rich.text import Text

    if board.question:
        return [Text(one_line(board.question)[:width], style="bold yellow")]
    if board.signal:
        return [Text(one_line(board.signal)[:width], style="yellow")]
    if not board.has_keys:
        return []
    keys: tuple[str, ...] = WATCH_KEYS if board.is_watching else KEYS
    keys += (SLOTS_KEY,) if board.story.question.spec.slots > 1 and not board.is_watching else ()
    return [Text(joined(list(keys), width), style="dim")]
