"""The sections of the page, each a piece of HTML. All text goes through `safe`; figures escape their own."""

from __future__ import annotations

from dse.qor import Failure
from dse.view.answer import answer
from dse.view.beliefs import Beliefs
from dse.view.figures import campaign as figures
from dse.view.figures.axes import LABELS
from dse.view.figures.balance import axis_strip
from dse.view.figures.curves import curves, key
from dse.view.figures.drawing import Drawing
from dse.view.figures.styles import layer_style
from dse.view.figures.svg import inline, safe
from dse.view.records import provenance, trials_table
from dse.view.story import Story

_MANY_PANELS = 48  # layers times metrics; more, and the page would grow past what a mail takes


def sections(story: Story, beliefs: Beliefs | None) -> str:
    """Return the page's body; before the first result there is little to show."""
    live = '<p class="quiet" id="live" role="status"></p>'
    if not story.state.finished:
        return "\n".join((answer(story), *([trials_table(story)] if story.state.trials else []), provenance(story, beliefs), live))
    parts = [
        answer(story),
        _balance(story),
        f'<div class="two">{_front(story, beliefs)}<section class="screen" id="detail"></section></div>',
        _curves(story, beliefs),
        f'<div class="two">{_progress(story)}{_shares(story)}</div>',
        _belief(story, beliefs),
        f'<div class="two">{_failures(story)}{_spend(story)}</div>',
        trials_table(story),
        provenance(story, beliefs),
        live,
    ]
    return "\n".join(parts)


def section(title: str, hint: str, body: str, *, kind: str = "") -> str:
    """Return one titled section; `body` is HTML, title and hint are text."""
    words = f'<p class="hint">{safe(hint)}</p>' if hint else ""
    return f"<section{kind and f' class={chr(34)}{kind}{chr(34)}'}><h2>{safe(title)}</h2>{words}{body}</section>"


def stepped(drawing: Drawing, label: str, *, is_wide: bool = False) -> str:
    """Return a figure in a box in which the arrow keys go from trial to trial; a wide one scrolls sideways instead of shrinking."""
    words = safe(f"{label}: arrow keys go from trial to trial")
    kind = "scroll wide" if is_wide else "scroll"
    strip = inline(axis_strip(drawing), is_picture=False) if is_wide and drawing.width > 420 else ""
    return f'<div class="{kind}" data-steps tabindex="0" role="group" aria-label="{words}">{strip}{inline(drawing)}</div>'


def tabs(name: str, legend: str, panes: list[tuple[str, str]]) -> str:
    """Return panes of which one is shown, chosen by radio buttons; works without a script."""
    if len(panes) == 1:
        return panes[0][1]
    parts = [f'<fieldset class="tabs"><legend class="quiet">{safe(legend)}</legend>']
    for i, (title, _) in enumerate(panes):
        checked = " checked" if i == 0 else ""
        parts.append(f'<input type="radio" name="{name}" id="{name}{i}" class="i{i}"{checked}>')
        parts.append(f'<label class="pick" for="{name}{i}">{safe(title)}</label>')
    parts += [f'<div class="pane p{i}">{body}</div>' for i, (_, body) in enumerate(panes)]
    return "".join(parts) + "</fieldset>"


def _balance(story: Story) -> str:
    plain = figures.draw_balance(story, has_legend=False)
    panes = [("without the large probe", stepped(plain, "Balance", is_wide=True))]
    whole = figures.draw_balance(story, with_probe=True, has_legend=False)
    if whole != plain:
        panes.append(("with the large probe", stepped(whole, "Balance, with the large probe", is_wide=True)))
    hint = "One group of bars a synthesis, one bar a layer, its reuse factor below it."
    if story.target is not None:
        hint += f" Dashed: {story.target:,.0f} cycles, as slow as layer {story.anchor} may become; the others are slowed down towards it."
    elif story.is_balancing:
        hint += " Level bars are a balanced design: no layer waits for another."
    return section(
        f"{'II' if story.metric == 'ii_cycles_max' else 'Latency'} of every layer",
        hint,
        _legend(story) + tabs("probe", "Scale", panes),
    )


def _legend(story: Story) -> str:
    entries = []
    for i, name in enumerate(story.layers):
        is_anchor = name == story.anchor
        hatch = '<path class="f-hatch" d="M0 0h11v11h-11z"/>' if is_anchor else ""
        swatch = (
            f'<svg width="11" height="11" aria-hidden="true"><path class="f-{layer_style(i)}" d="M0 0h11v11h-11z"/>{hatch}</svg>'
        )
        entries.append(f"<li>{swatch} {safe(name)}{' (anchor)' if is_anchor else ''}</li>")
    return f'<ul class="legend">{"".join(entries)}</ul>'


def _front(story: Story, beliefs: Beliefs | None) -> str:
    across, upwards = story.axes
    hint = f"{LABELS[upwards]} against {LABELS[across]}; the lower left is best. Point at a trial to see it everywhere."
    return section("Pareto front", hint, stepped(figures.draw_front(story, beliefs), "Pareto front"))


def _curves(story: Story, beliefs: Beliefs | None) -> str:
    metrics = list(figures.CURVES.values())
    metrics.sort(key=lambda metric: metric != story.metric)  # what is balanced comes first
    panes: list[tuple[str, str]] = []
    room = _MANY_PANELS
    for metric in metrics:
        panels = figures.curve_panels(story, metric, beliefs)
        if not any(panel.measured for panel in panels) or (panes and room < len(panels)):
            continue
        room -= len(panels)
        charts = "".join(inline(curves((panel,), metric=metric)) for panel in panels)
        legend = inline(key(any(p.band for p in panels), any(p.after for p in panels)), is_picture=False)
        panes.append((LABELS[metric], f'{legend}<div class="panels">{charts}</div>'))
    if not panes:
        return section("Each layer over its reuse factor", "", '<p class="hint">Nothing is known of single layers yet.</p>')
    hint = "Both axes are logarithmic where values span far."
    if beliefs:
        hint += f" The band is what surrogate {beliefs.surrogate} believes when fitted to all of them (90 %)."
    elif story.state.finished:
        hint += " What a surrogate believes is added by dse page."
    return section("Each layer over its reuse factor", hint, tabs("metric", "Metric", panes), kind="long")


def _progress(story: Story) -> str:
    label, _ = story.achieved
    hint = f"{label[:1].upper()}{label[1:]} after each synthesis"
    hint += ", and how much better anything else could still be." if any(g is not None for g in story.gaps) else "."
    return section("Progress", hint, inline(figures.draw_progress(story)))


def _shares(story: Story) -> str:
    hint = "The best design's resources, cut into its layers. Gray is what no layer with weights accounts for."
    return section("Who uses the device", hint, _legend(story) + inline(figures.draw_shares(story)))


def _belief(story: Story, beliefs: Beliefs | None) -> str:
    if beliefs is None:
        return ""
    hint = (
        "Each layer of each trial as the surrogate would have predicted it from the trials before, against what was then measured."
        " On the dashed line it was right; green is inside its 90 % interval, red outside."
    )
    return section("Is the surrogate worth listening to?", hint, inline(figures.draw_belief(story, beliefs)))


def _failures(story: Story) -> str:
    failed = [trial for trial in story.state.finished if isinstance(trial.outcome, Failure)]
    body = inline(figures.draw_failures(story))
    for trial in failed[:6]:
        outcome = trial.outcome
        if isinstance(outcome, Failure):
            log = f"<pre>{safe(outcome.log_tail[-2000:])}</pre>" if outcome.log_tail else ""
            head = f"Trial {trial.number}: {outcome.kind.value.replace('_', ' ')}"
            body += f"<details><summary>{safe(head)}</summary><p>{safe(outcome.message)}</p>{log}</details>"
    if len(failed) > 6:
        body += f'<p class="hint">{len(failed) - 6} more failed trials are in the table.</p>'
    return section("How the trials ended", "Failures are facts about designs or machines; each has a class.", body)


def _spend(story: Story) -> str:
    state = story.state
    started = f"{state.syntheses} {'synthesis' if state.syntheses == 1 else 'syntheses'} started"
    hint = f"{started}, {state.cache_hits} answered by the cache, {_duration(state.active_seconds)} of wall time."
    return section("Cost", hint, inline(figures.draw_spend(story)))


def _duration(seconds: float) -> str:
    """Return a time for people.

    >>> _duration(42), _duration(4000), _duration(0.25)
    ('42 s', '1 h 06 min', '0.2 s')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
