"""The page of an architecture search: the front as a figure, the deployed networks, and every candidate. One file, no script, no link."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from dse import __version__
from dse.campaign.times import utc_now
from dse.nas.deploy import Deployed, table_row
from dse.nas.records import Candidate, Outcome, front_of, volume_of
from dse.nas.spec import NasSpec
from dse.view.figures import svg
from dse.view.figures.axes import bottom_axis, left_axis, scale
from dse.view.figures.drawing import Dot, Drawing, Group, Line, Mark, Text, empty
from dse.view.figures.styles import rules, variables

LABELS = {
    "rmse": "RMSE on validation runs",
    "accuracy": "share of wrong classes",
    "workload": "multiplications",
    "device_cost": "device cost (sum of shares)",
    "latency_ns": "least latency (ns)",
}
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 640.0, 400.0, 60.0, 16.0, 26.0, 60.0
_STYLE = (
    "body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:var(--ink);background:var(--paper)}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}"
    "th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid var(--grid)}"
    "th{font-weight:600}td.t,th.t{text-align:left;overflow-wrap:break-word}td.t{max-width:22rem}"
    ".w{overflow-x:auto}.m{color:var(--muted)}svg.figure{max-width:100%;height:auto}tr.f td{font-weight:600}"
)


def nas_page(spec: NasSpec, candidates: tuple[Candidate, ...], deployed: Sequence[Deployed]) -> str:
    """Return the whole file as text."""
    sheet = f":root{{{variables(False)}}}@media (prefers-color-scheme:dark){{:root{{{variables(True)}}}}}{rules()}{_STYLE}"
    front = front_of(candidates, spec.goals)
    volume = volume_of(candidates, spec.goals)
    trained = sum(candidate.outcome is Outcome.TRAINED for candidate in candidates)
    words = f"{trained} networks trained, {len(front)} on the front" + (f", hypervolume {volume:.4f}" if volume is not None else "")
    target = f"{spec.target.part} @ {spec.target.clock_period_ns:g} ns · {spec.target.io_type} · {spec.target.precision}"
    limits = " · ".join(f"{limit.metric} ≤ {limit.maximum:,.0f}" for limit in spec.limits)
    body = [
        f"<h1>{svg.safe(spec.name)}</h1><p class=m>{svg.safe(' · '.join(part for part in (target, limits) if part))}</p>",
        f"<p>{words}. Device cost: exact allocation of reuse factors over the {svg.safe(spec.cost.tables)}, not verified by synthesis.</p>",
        svg.inline(draw_nas_front(spec, candidates)),
        "<h2>Deployed</h2>" + _deployed(spec, [one for one in deployed if one.question is not None]),
        "<h2>Candidates</h2>" + _candidates(spec, candidates, {candidate.number for candidate in front}),
        f"<p class=m>dse {svg.safe(__version__)}, written {svg.safe(utc_now())}</p>",
    ]
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
        f"<title>{svg.safe(spec.name)}: architecture search</title><style>{sheet}</style></head><body>{''.join(body)}</body></html>\n"
    )


def draw_nas_front(spec: NasSpec, candidates: Sequence[Candidate]) -> Drawing:
    """Draw the first objective that is learned against the first that is not; without one, against the multiplications."""
    y_metric = next(goal.metric for goal in spec.goals if goal.is_learned)
    x_metric = next((goal.metric for goal in spec.goals if not goal.is_learned), "workload")
    title = f"{LABELS[y_metric]} against {LABELS[x_metric]}"
    places = [(c, x, y) for c in candidates if (x := c.value(x_metric)) is not None and (y := c.value(y_metric)) is not None]
    if not places:
        return empty(title, "No network has been trained yet.")
    x_scale = scale([x for _, x, _ in places], _LEFT, _WIDTH - _RIGHT, wants_log=True)
    y_scale = scale([y for _, _, y in places], _HEIGHT - _FOOT, _TOP)
    best = {candidate.number for candidate in front_of(candidates, spec.goals)}
    marks: list[Mark] = [
        *left_axis(y_scale, _LEFT, _WIDTH - _RIGHT, LABELS[y_metric]),
        *bottom_axis(x_scale, _HEIGHT - _FOOT, LABELS[x_metric]),
    ]
    line = sorted((x_scale(x), y_scale(y)) for c, x, y in places if c.number in best)
    if len(line) > 1:
        steps = [line[0]]
        for before, after in pairwise(line):
            steps += [(after[0], before[1]), after]
        marks.append(Line(tuple(steps), "front-line"))
    for candidate, x, y in sorted(places, key=lambda place: place[0].number in best):
        style = "measured" if candidate.number in best else "feasible" if candidate.outcome is Outcome.TRAINED else "pending"
        dot = Dot(x_scale(x), y_scale(y), 4.6 if candidate.number in best else 3.2, style)
        marks.append(Group((dot,), candidate.number, f"Trial {candidate.number}: {candidate.architecture}; {y:.4g} at {x:.4g}"))
    key = (("measured", "on the front"), ("feasible", "trained"), ("pending", "given up early"))
    for place, (style, text) in enumerate(key):
        marks += [Dot(_LEFT + 6 + 120 * place, _HEIGHT - 11, 4, style), Text(_LEFT + 16 + 120 * place, _HEIGHT - 7.5, text, "tick")]
    return Drawing(_WIDTH, _HEIGHT, title, f"{len(places)} networks, {len(best)} on the front", tuple(marks))


def _table(heads: Sequence[str], rows: Sequence[tuple[bool, Sequence[str]]], texts: frozenset[str]) -> str:
    def cells(tag: str, values: Sequence[str]) -> str:
        marks = [" class=t" if head in texts else "" for head in heads]
        return "".join(f"<{tag}{mark}>{svg.safe(value)}</{tag}>" for mark, value in zip(marks, values, strict=True))

    body = "".join(f"<tr{' class=f' if is_bold else ''}>{cells('td', values)}</tr>" for is_bold, values in rows)
    return f"<div class=w><table><thead><tr>{cells('th', heads)}</tr></thead><tbody>{body}</tbody></table></div>"


def _deployed(spec: NasSpec, deployed: Sequence[Deployed]) -> str:
    if not deployed:
        return "<p class=m>None yet.</p>"
    heads = (
        "trial",
        "network",
        "error",
        "test",
        "fixed point",
        "workload",
        "LUT",
        "FF",
        "DSP",
        "BRAM",
        "latency µs",
        "reuse factors",
        "by",
    )
    rows = []
    for one in deployed:
        row = table_row(spec, one)
        fixed = (row["simulation"] or {}).get("fixed_error")
        errors = [_number(value, 4) for value in (row["error"], row["test_error"], fixed)]
        numbers = [_number(row[key]) for key in ("workload", "lut", "ff", "dsp", "bram_18k")]
        factors = " ".join(map(str, row["reuse_factors"] or ())) or "-"
        values = (
            str(row["trial"]),
            row["architecture"],
            *errors,
            *numbers,
            _number(row["latency_us"], 1),
            factors,
            row["fidelity"] or "-",
        )
        rows.append((False, values))
    return _table(heads, rows, frozenset(("network", "reuse factors", "by")))


def _candidates(spec: NasSpec, candidates: Sequence[Candidate], best: set[int]) -> str:
    heads = ("trial", "network", "error", "test", "workload", "device cost", "latency µs", "epochs", "curve", "s", "ended")
    rows = []
    for candidate in candidates:
        if candidate.outcome in (Outcome.REFUSED, Outcome.LOST):
            continue
        latency = (candidate.cost or {}).get("latency_ns")
        values = (
            str(candidate.number),
            str(candidate.architecture),
            _number(candidate.error, 4),
            _number(candidate.test_error, 4),
            _number(candidate.value("workload")),
            _number(candidate.value("device_cost"), 4),
            _number(None if latency is None else latency / 1000, 1),
            str(len(candidate.curve)),
            sparkline(candidate.curve),
            _number(candidate.seconds, 1),
            candidate.reason if candidate.outcome is Outcome.TRAINED else candidate.outcome.value,
        )
        rows.append((candidate.number in best, values))
    refused = sum(candidate.outcome is Outcome.REFUSED for candidate in candidates)
    note = f"<p class=m>{refused} candidates were refused without a training.</p>" if refused else ""
    return _table(heads, rows, frozenset(("network", "curve", "ended"))) + note


_BARS = "▁▂▃▄▅▆▇█"


def sparkline(curve: tuple[float, ...], width: int = 16) -> str:
    """Return a curve as little bars, the last `width` epochs.

    >>> sparkline((4.0, 2.0, 1.0))
    '█▃▁'
    """
    last = curve[-width:]
    low, high = min(last, default=0.0), max(last, default=0.0)
    return "".join(_BARS[int((value - low) / (high - low) * 7) if high > low else 0] for value in last)


def _number(value: Any, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
