"""The answer in words: which design, what it takes of the device, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from dse.design import Fidelity
from dse.qor import Qor
from dse.view.bands import band_text, bounds_of
from dse.view.figures.axes import LABELS
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


@dataclass(frozen=True, slots=True)
class Gauge:
    """How much of one resource is used: what is written at it, and how far it is filled in percent (None: not known)."""

    share: str
    words: str
    filled: float | None = None
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The first section of the page.

    Attributes:
        kind: "" with a design; "none" before there is one, "bad" where none keeps the limits.
        lead: the sentence in large letters, in pieces of (words, figure, words).
        badges: (kind, word) of the marks before the sentences.
        factors: (layer, reuse factor) of the best design.
    """

    title: str
    lead: tuple[tuple[str, str, str], ...]
    sentences: str
    kind: str = ""
    badges: tuple[tuple[str, str], ...] = ()
    factors: tuple[tuple[str, int], ...] = ()
    device: str = ""
    gauges: tuple[Gauge, ...] = ()


def answer(story: Story) -> Answer:
    """Return what the page says first."""
    best, state = story.summary.incumbent, story.state
    if best is None or best.qor is None:
        is_new = not state.finished
        lead = "No design yet" if is_new else f"No {story.words.measured} design keeps the limits"
        sentence = state.stop[1] if state.stop else f"{len(state.finished)} trials finished, {len(state.pending)} under way."
        if is_new and not state.trials:
            sentence = f"Nothing has been tried yet. Start with: dse run {story.question.spec.path.name}"
        return Answer("Answer", ((lead, "", ""),), sentence, kind="none" if is_new else "bad")
    return Answer(
        f"{'Answer' if state.stop else 'Best so far'}: trial {best.number}",
        _lead(story, best.qor),
        _sentences(story),
        badges=_badges(story),
        factors=tuple((name, choice.reuse_factor) for name, choice in best.point.choices),
        device=story.question.spec.part.device,
        gauges=tuple(_gauges(story, best.qor)),
    )


def _lead(story: Story, qor: Qor) -> tuple[tuple[str, str, str], ...]:
    period = story.question.spec.target.clock_period_ns
    facts = []
    if qor.ii_cycles_max is not None:
        facts.append(("a new result every ", f"{qor.ii_cycles_max:,.0f} cycles", f" ({time_of(qor.ii_cycles_max * period)})"))
    if qor.latency_cycles_max is not None:
        facts.append(("latency ", f"{qor.latency_cycles_max:,.0f} cycles", f" ({time_of(qor.latency_cycles_max * period)})"))
    if qor.dsp is not None:
        facts.append(("", f"{qor.dsp:,.0f} DSP", ""))
    if not facts:
        return (("Nothing is known of it but that it was built", "", ""),)
    (before, figure, after), *others = facts
    return ((before[:1].upper() + before[1:], figure, after), *others)


def _badges(story: Story) -> tuple[tuple[str, str], ...]:
    fidelity = story.question.backend.fidelity
    source = ("soft" if fidelity is Fidelity.ESTIMATE else "", SOURCES[fidelity])
    return (source, ("bad", "does not fit")) if _too_large(story) else (source,)


def _sentences(story: Story) -> str:
    state = story.state
    is_estimate = story.question.backend.fidelity is Fidelity.ESTIMATE
    sentences = ["No tool has run: these are an analytic model's numbers." if is_estimate else _measured_by(story)]
    best = story.summary.incumbent
    around = bounds_of(story.question, best) if best else {}
    if around:
        told = (f"{title}{band_text(around.get(metric))}" for title, metric in (("latency", "latency_cycles_max"), *_GAUGES[:4]))
        sentences.append(f"In 9 of 10 cases the truth lies within: {', '.join(told)}.")
    too_large = _too_large(story)
    if too_large:
        sentences.append(f"It is larger than the device: {too_large}.")
    certificate = state.certificate
    if certificate is not None and certificate.gap is not None:
        level = f" at {certificate.confidence:.0%} confidence" if certificate.confidence else ""
        done = "Certificate reached" if certificate.reached else "Not settled" if state.stop else "Not settled yet"
        sentences.append(
            f"{done}: no other design is better by more than {certificate.gap:.1%}{level} (tolerance {certificate.tolerance:.1%})."
        )
        if certificate.basis:
            sentences.append(f"It rests on belief where nobody measured: {certificate.basis}.")
    elif story.is_balancing:
        sentences.append("The search ends at balance; it gives no proof that nothing better exists.")
    if state.stop:
        sentences.append(f"Stopped: {state.stop[1]}.")
    else:
        sentences.append(f"The campaign is not finished: {len(state.finished)} trials done, {len(state.pending)} under way.")
    return " ".join(sentence if sentence.endswith((".", "!")) else f"{sentence}." for sentence in sentences)


def _too_large(story: Story) -> str:
    """Name the resources of which the best design needs more than there are; "" if it fits."""
    best, part = story.summary.incumbent, story.question.spec.part
    over = [(title, metric) for title, metric in _GAUGES if best and story.is_larger_than_device(best, metric)]
    return ", ".join(f"{title} {getattr(best.qor, metric):,.0f} of {part.capacity(metric):,}" for title, metric in over if best)


def _measured_by(story: Story) -> str:
    if story.question.spec.backend_kind == "replay":
        return f"{story.words.verdict[:1].upper()}{story.words.verdict[1:]}."
    return "Verified: the tool built this very design."


def _gauges(story: Story, qor: Qor) -> Iterator[Gauge]:
    part = story.question.spec.part
    for title, metric in _GAUGES:
        used, capacity = getattr(qor, metric), part.capacity(metric)
        if used is None:
            if capacity:
                yield Gauge("–", f"{title}, not known")
        elif used or capacity:
            share = used / capacity if capacity else 1.0
            yield Gauge(f"{100 * share:,.0f} %", f"{title}: {used:,.0f} of {capacity:,}", 100 * min(share, 1.0), share > 1)


def goal(story: Story) -> str:
    """Return what the campaign minimises and which limits hold, in words."""
    spec = story.question.spec
    wants = ", then ".join(LABELS[objective.metric] for objective in spec.objectives) or f"balance ({spec.mode})"
    limits = "; ".join(f"{LABELS[limit.metric]} at most {limit.maximum:,.6g}" for limit in spec.limits)
    return f"{wants}; {limits}" if limits else wants
