"""Serves recorded results: whole designs first, else a network composed of recorded layers. What nobody recorded is an error.

Composition is N-TORC's assumption: resources and latency add, the II is the slowest layer's. Layers without weights that were not
recorded (pooling, flatten, activations) contribute nothing, and a note says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Any, Literal

from dse.canonical import digest
from dse.composition import compose
from dse.corpus import Corpus, circuit, find_corpus, read_corpus
from dse.corpus.base import Circuit
from dse.design import DesignPoint, Fidelity, Job, Layer, LayerChoice, Target
from dse.errors import CorpusError, NotRecorded, SpecError
from dse.qor import CYCLES, RESOURCES, DesignRecord, Evaluation, Failure, LayerRecord, Provenance, Qor
from dse.synth_backends.base import Progress, Site, never_run

Replicates = Literal["median", "sample"]

# Latency and resources may stand in different tables (N-TORC), whose rows belong to different runs: each half is drawn on its own.
_HALVES = (RESOURCES, (*CYCLES, "clock_period_ns"))


@dataclass(frozen=True, slots=True)
class Options:
    """Keys of `[backend]` for `kind = "replay"`.

    Attributes:
        corpus: a path, or the name of a folder in one of the directories of DSE_CORPORA.
        replicates: what to answer where one circuit was measured several times: "median" of each metric, or one of them drawn by a
            hash of network and point ("sample"), so that the noise of a layer's surroundings can be studied and repeated.
    """

    corpus: str = never_run()
    replicates: Replicates = "median"

    def __post_init__(self) -> None:
        if not self.corpus:
            raise SpecError("[backend].corpus: is empty, expected a path or the name of a corpus")
        if self.replicates not in ("median", "sample"):
            raise SpecError(f'[backend].replicates: got {self.replicates!r}, expected "median" or "sample"')


def create(options: Options, site: Site) -> Replay:
    """Read the corpus, and keep what was recorded for the campaign's target.

    Raises:
        CorpusError: there is no such corpus, it is broken, or it holds nothing for this target.
    """
    return Replay(read_corpus(find_corpus(options.corpus, near=_folder(site.source))), options.replicates, site.target)


class Replay:
    """A backend of recorded results. Immutable once built; every answer is immediate and the same each time."""

    def __init__(self, corpus: Corpus, replicates: Replicates, target: Target) -> None:
        self.corpus, self.replicates, self.target = corpus, replicates, target
        layers = tuple(record for record in corpus.layers if _fits(record.target, target))
        designs = tuple(record for record in corpus.designs if _fits(record.target, target))
        if not (layers or designs):
            raise CorpusError(_mismatch(corpus, target))
        kept: list[LayerRecord | DesignRecord] = [*layers, *designs]
        found = {record.fidelity for record in kept}
        self.fidelity = found.pop() if len(found) == 1 else Fidelity.CSYNTH
        self.basis = digest(("replay", corpus.digest, replicates))
        self._designs: dict[tuple[str, DesignPoint], list[DesignRecord]] = {}
        for design in designs:
            if design.fidelity is self.fidelity:
                self._designs.setdefault((design.network_digest, design.point), []).append(design)
        self._layers: dict[Circuit, list[LayerRecord]] = {}
        for layer in layers:
            if layer.fidelity is self.fidelity:
                self._layers.setdefault(self._circuit(layer.layer, layer.choice), []).append(layer)
        self._by_shape: dict[tuple[str, int, int, int, int], set[LayerChoice]] = {}
        for group in self._layers.values():
            self._by_shape.setdefault(group[0].layer.shape, set()).add(group[0].choice)
        self._medians: dict[Circuit, Qor] = {}
        self._tools = sorted({str(record.target.toolchain) for record in kept})

    def recorded(self, layer: Layer) -> tuple[LayerChoice, ...]:
        """Return the choices that were measured of a layer of this shape, ascending; where there are none, those of whole designs."""
        alone = {choice for choice in self._by_shape.get(layer.shape, ()) if self._circuit(layer, choice) in self._layers}
        # Choices known only from whole designs combine to points that nobody recorded, so they count only where nothing else does.
        found = alone or {chosen for _, point in self._designs for name, chosen in point.choices if name == layer.name}
        return tuple(sorted(found, key=lambda choice: (choice.reuse_factor, choice.strategy, str(choice.precision))))

    def advance(self, wanted: Sequence[Job]) -> tuple[Progress, ...]:
        """Answer all jobs at once.

        Raises:
            NotRecorded: for the first job that nobody recorded; names the layer, what was asked and what is recorded.
        """
        return tuple(Progress(job.key, "done", self._evaluate(job)) for job in wanted)

    def _evaluate(self, job: Job) -> Evaluation:
        whole = self._designs.get((job.network.digest, job.point))
        outcome, notes = self._whole(job, whole) if whole else self._composed(job)
        own = f"recorded in corpus {self.corpus.name} ({self.corpus.digest[:12]})"
        notes = (own, *notes, *self._caveats(job))
        return Evaluation(job.key, self.fidelity, outcome, Provenance("replay", tool=", ".join(self._tools), notes=notes))

    def _whole(self, job: Job, records: list[DesignRecord]) -> tuple[Qor | Failure, tuple[str, ...]]:
        """Serve a design that was synthesised as a whole; a failure only where no attempt succeeded."""
        good = [record.outcome for record in records if isinstance(record.outcome, Qor)]
        note = f"the whole design was recorded {_times(len(records))}"
        if not good:
            return records[0].outcome, (note,)
        if len(good) == 1:
            return good[0], (note,)
        if self.replicates == "sample":
            return good[self._draw(job, "", "design", len(good))], (f"{note}; one drawn",)
        layers = tuple((name, _median([q for g in good if (q := g.layer(name))])) for name, _ in good[0].layers)
        return replace(_median(good), layers=layers), (f"{note}; median of each metric",)

    def _composed(self, job: Job) -> tuple[Qor, tuple[str, ...]]:
        chosen = dict(job.point.choices)
        parts: list[tuple[str, Qor]] = []
        missing: list[str] = []
        counts: list[int] = []
        for layer in job.network.layers:
            choice = chosen.get(layer.name, LayerChoice(1))
            records = self._layers.get(self._circuit(layer, choice))
            if records is not None:
                parts.append((layer.name, self._serve(job, layer, choice, records)))
                counts.append(len(records))
            elif layer.name in chosen:
                raise NotRecorded(self._absent(layer, choice))
            elif layer.kind != "input":
                missing.append(layer.name)
        if not parts:
            raise NotRecorded(f"corpus {self.corpus.name}: network {job.network.name} has no layer that could be recorded")
        word = "median of each metric" if self.replicates == "median" else "one drawn by a hash of network and point"
        notes = [f"composed of {len(parts)} recorded layers, {min(counts)} to {max(counts)} records each ({word})"]
        if missing:
            notes.append(f"not recorded and left out: {', '.join(missing)}")
        return compose(parts), tuple(notes)

    def _serve(self, job: Job, layer: Layer, choice: LayerChoice, records: list[LayerRecord]) -> Qor:
        if self.replicates == "median":
            key = self._circuit(layer, choice)
            if key not in self._medians:
                self._medians[key] = _median([record.qor for record in records])
            return self._medians[key]
        halves = [[record.qor for record in records if _knows(record.qor, half)] for half in _HALVES]
        if halves[0] == halves[1]:
            return halves[0][self._draw(job, layer.name, "all", len(records))]
        drawn: dict[str, Any] = {}
        for half, known in zip(_HALVES, halves, strict=True):
            if known:
                pick = known[self._draw(job, layer.name, half[0], len(known))]
                drawn |= {name: getattr(pick, name) for name in half}
        return Qor(**drawn)

    def _draw(self, job: Job, layer_name: str, half: str, n: int) -> int:
        return int(digest((job.network.digest, job.point, layer_name, half))[:16], 16) % n

    def _circuit(self, layer: Layer, choice: LayerChoice) -> Circuit:
        if choice.precision == self.target.precision:
            choice = replace(choice, precision=None)
        return circuit(layer, choice)

    def _absent(self, layer: Layer, choice: LayerChoice) -> str:
        own = self.recorded(layer)
        known = ", ".join(f"{c.reuse_factor} ({c.strategy})" for c in own)
        size = f"{layer.kind} {layer.n_in} x {layer.n_out}, {layer.n_positions} positions"
        shapes = sorted({shape for shape in self._by_shape if shape[0] == layer.kind})
        near = ", ".join(f"{n_in} x {n_out} at {positions}" for _, n_in, n_out, positions, _ in shapes[:12])
        hint = f"recorded for it: {known}" if known else f"recorded shapes of this kind: {near or 'none'}"
        return (
            f"corpus {self.corpus.name}: layer {layer.name} ({size}): nobody recorded reuse factor {choice.reuse_factor} "
            f"({choice.strategy}); {hint}. Next: stay within what is recorded, or use another backend."
        )

    def _caveats(self, job: Job) -> tuple[str, ...]:
        asked = str(job.target.toolchain)
        return () if self._tools == [asked] else (f"recorded with {', '.join(self._tools)}, the campaign names {asked}",)


def _fits(recorded: Target, wanted: Target) -> bool:
    """Whether records serve a campaign's target: part, clock, io_type and the widths of the default precision must agree."""
    return all(_text(recorded, name) == _text(wanted, name) for name in ("part", "clock_period_ns", "io_type", "precision"))


def _text(target: Target, name: str) -> str:
    value = getattr(target, name)
    return str(replace(value, modes=())) if name == "precision" else str(value)


def _mismatch(corpus: Corpus, target: Target) -> str:
    names = ("part", "clock_period_ns", "io_type", "precision")
    targets = {record.target for record in corpus.layers} | {record.target for record in corpus.designs}
    nearest = max(targets, key=lambda own: sum(_text(own, name) == _text(target, name) for name in names))
    wrong = [f"{name} {_text(nearest, name)} (campaign: {_text(target, name)})" for name in names]
    wrong = [text for name, text in zip(names, wrong, strict=True) if _text(nearest, name) != _text(target, name)]
    return (
        f"corpus {corpus.name}: nothing is recorded for this target; recorded is {', '.join(wrong)}. "
        "Next: set [target] to what was recorded, or use another corpus."
    )


def _knows(qor: Qor, names: Iterable[str]) -> bool:
    return any(getattr(qor, name) is not None for name in names)


def _median(qors: list[Qor]) -> Qor:
    numbers: dict[str, Any] = {}
    for field in fields(Qor):
        if field.name != "layers":
            known = [value for qor in qors if (value := getattr(qor, field.name)) is not None]
            numbers[field.name] = median(known) if known else None
    return Qor(**numbers)


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _folder(source: Path) -> Path:
    return source if source.is_dir() else source.parent
