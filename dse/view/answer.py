"""The answer in words: which design, what it takes of the device, and how sure that is."""

from __future__ import annotations

from types import MappingProxyType

from dse.design import Fidelity
from dse.qor import Qor
from dse.view.figures.axes import LABELS
from dse.view.figures.svg import number, safe
from dse.view.story import Story
from dse.view.text import time_of

SOURCES = MappingProxyType(
    {
        Fidelity.ESTIMATE: "estimated",
        Fidelity.CSYNTH: "C synthesis",
        Fidelity.VSYNTH: "logic synthesis",
        Fidelity.IMPL: "placed and routed",
    }
)
_GAUGES = (("DSP", "dsp"), ("LUT", "lut"), ("FF", "ff"), ("BRAM (18 Kb)", "bram_18k"), ("URAM", "uram"))


def target_line(story: Story) -> str:
    """Return mode, device, clock and backend on one line."""
    spec = story.question.spec
    return (
        f"{spec.network.name} · {spec.mode} · {spec.part.device} at {spec.target.clock_period_ns:g} ns · {spec.target.io_type}"
        f" · {spec.target.toolchain} · {spec.backend_kind} backend"
    )


def answer(story: Story) -> str:
    """Return the first section of the page."""
    best, state = story.summary.incumbent, story.state
    if best is None or best.qor is None:
        is_new = not state.finished
        lead = "No design yet." if is_new else "No measured design keeps the limits."
        sentence = state.stop[1] if state.stop else f"{len(state.finished)} trials finished, {len(state.pending)} under way."
        if is_new and not state.trials:
            sentence = f"Nothing has been tried yet. Start with: dse run {story.question.spec.path.name}"
        return (
            f'<section class="answer {"none" if is_new else "bad"}" id="answer"><h2>Answer</h2><p class="lead">{safe(lead)}</p>'
            f'<p class="sure">{safe(sentence)}</p></section>'
        )
    qor = best.qor
    factors = "".join(f"<li><small>{safe(name)}</small><b>{choice.reuse_factor}</b></li>" for name, choice in best.point.choices)
    return (
        f'<section class="answer" id="answer"><h2>{"Answer" if state.stop else "Best so far"}: trial {best.number}</h2>'
        f'<p class="lead">{_lead(story, qor)}</p><p class="sure">{_sure(story)}</p>'
        f'<h3>Reuse factors</h3><ul class="factors">{factors}</ul>'
        f'<h3>Share of {safe(story.question.spec.part.device)}</h3><div class="gauges">{_gauges(story, qor)}</div></section>'
    )


def _lead(story: Story, qor: Qor) -> str:
    period = story.question.spec.target.clock_period_ns
    facts = []
    if qor.ii_cycles_max is not None:
        facts.append(f"a new result every <b>{qor.ii_cycles_max:,.0f} cycles</b> ({time_of(qor.ii_cycles_max * period)})")
    if qor.latency_cycles_max is not None:
        facts.append(f"latency <b>{qor.latency_cycles_max:,.0f} cycles</b> ({time_of(qor.latency_cycles_max * period)})")
    if qor.dsp is not None:
        facts.append(f"<b>{qor.dsp:,.0f} DSP</b>")
    text = ", ".join(facts) or "Nothing is known of it but that it was built"
    return f"{text[:1].upper()}{text[1:]}."


def _sure(story: Story) -> str:
    fidelity, state = story.question.backend.fidelity, story.state
    is_estimate = fidelity is Fidelity.ESTIMATE
    badge = f'<span class="badge{" soft" if is_estimate else ""}">{safe(SOURCES[fidelity])}</span>'
    sentences = ["No tool has run: these are an analytic model's numbers." if is_estimate else _measured_by(story)]
    too_large = _too_large(story)
    if too_large:
        badge += '<span class="badge bad">does not fit</span>'
        sentences.append(f"It is larger than the device: {too_large}.")
    certificate = state.certificate
    if certificate is not None and certificate.gap is not None:
        level = f" at {certificate.confidence:.0%} confidence" if certificate.confidence else ""
        done = "Certificate reached" if certificate.reached else "Not settled" if state.stop else "Not settled yet"
        sentences.append(
            f"{done}: no other design is better by more than {certificate.gap:.1%}{level} (tolerance {certificate.tolerance:.1%})."
        )
    elif story.is_balancing:
        sentences.append("The search ends at balance; it gives no proof that nothing better exists.")
    if state.stop:
        sentences.append(f"Stopped: {state.stop[1]}.")
    else:
        sentences.append(f"The campaign is not finished: {len(state.finished)} trials done, {len(state.pending)} under way.")
    return badge + safe(" ".join(sentence if sentence.endswith((".", "!")) else f"{sentence}." for sentence in sentences))


def _too_large(story: Story) -> str:
    """Name the resources of which the best design needs more than there are; "" if it fits."""
    best, part = story.summary.incumbent, story.question.spec.part
    over = [(title, metric) for title, metric in _GAUGES if best and story.is_larger_than_device(best, metric)]
    return ", ".join(f"{title} {getattr(best.qor, metric):,.0f} of {part.capacity(metric):,}" for title, metric in over if best)


def _measured_by(story: Story) -> str:
    return (
        "Served from recorded results."
        if story.question.spec.backend_kind == "replay"
        else "Verified: the tool built this very design."
    )


def _gauges(story: Story, qor: Qor) -> str:
    part = story.question.spec.part
    cells = []
    for title, metric in _GAUGES:
        used, capacity = getattr(qor, metric), part.capacity(metric)
        if capacity == 0 and not used:
            continue
        if used is None:
            cells.append(f'<div class="gauge"><b>–</b> <span>{title}, not known</span></div>')
            continue
        share = used / capacity if capacity else 1.0
        style = "g-over" if share > 1 else "g-used"
        cells.append(
            f'<div class="gauge"><b>{100 * share:,.0f} %</b> <span>{title}: {used:,.0f} of {capacity:,}</span>'
            '<svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><path class="g-back" d="M0 0h100v8h-100z"/>'
            f'<path class="{style}" d="M0 0h{number(100 * min(share, 1.0))}v8H0z"/></svg></div>'
        )
    return "".join(cells)


def goal(story: Story) -> str:
    """Return what the campaign minimises and which limits hold, in words."""
    spec = story.question.spec
    wants = ", then ".join(LABELS[objective.metric] for objective in spec.objectives) or f"balance ({spec.mode})"
    limits = "; ".join(f"{LABELS[limit.metric]} at most {limit.maximum:,.6g}" for limit in spec.limits)
    return f"{wants}; {limits}" if limits else wants
