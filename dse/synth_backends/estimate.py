"""An analytic estimate in place of a synthesis: immediate, for every point, and never called anything else than an estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dse.canonical import digest
from dse.corpus import find_corpus, read_corpus
from dse.design import Fidelity, Job, LayerChoice
from dse.estimation import Context, basis, context_of, estimate_design, is_known
from dse.estimation.bands import Band, bounds, trust
from dse.estimation.geometry import geometry
from dse.estimation.learned import NOTHING, Learned, learn
from dse.qor import Evaluation, Provenance, Qor
from dse.synth_backends.base import Progress, Site, never_run

_FREE = ("input", "identity")
_METRICS = ("lut", "ff", "dsp", "bram_18k", "latency_cycles_max")


@dataclass(frozen=True, slots=True)
class Options:
    """Keys of `[backend]` for `kind = "estimate"`.

    Attributes:
        corpus: recorded layers that correct the estimate: a folder or .jsonl file, as of the replay backend; "": as it is.
    """

    corpus: str = never_run("")


def create(options: Options, site: Site) -> Estimate:
    """Return the backend.

    Raises:
        CorpusError: there is no such corpus.
    """
    if not options.corpus:
        return Estimate()
    return Estimate(learn(read_corpus(find_corpus(options.corpus, near=site.source.parent)).layers))


class Estimate:
    """A backend that answers at once, from formulas. The same job gives the same numbers as long as `basis` is the same."""

    def __init__(self, learned: Learned = NOTHING) -> None:
        self.fidelity = Fidelity.ESTIMATE
        self.learned = learned
        self.basis = digest(("corrected", basis(), learned.digest)) if learned.digest else basis()

    def advance(self, wanted: Sequence[Job]) -> tuple[Progress, ...]:
        """Answer all jobs."""
        return tuple(Progress(job.key, "done", self._evaluate(job)) for job in wanted)

    def bounds(self, job: Job, qor: Qor) -> Mapping[str, Band]:
        """Return the bands of a whole design, see `dse.estimation.bands.bounds`."""
        return bounds(job.network, job.point, job.target, qor, self.learned.trust)

    def _evaluate(self, job: Job) -> Evaluation:
        qor = estimate_design(job.network, job.point, job.target, self.learned.correct)
        said = (*notes(job), *self.learned.notes)
        provenance = Provenance("estimate", tool="analytic estimate (no tool was run)", notes=said)
        return Evaluation(job.key, Fidelity.ESTIMATE, qor, provenance)


def notes(job: Job) -> tuple[str, ...]:
    """Return how far the numbers of a job can be trusted: per regime the typical error, and what rests on no recording."""
    style = next((context.style for context in context_of(job.network, job.point, job.target).values()), "dataflow")
    found = [f"an estimate, not a synthesis; the top is a {style} region"]
    chosen = dict(job.point.choices)
    known = [trust(layer, chosen.get(layer.name, LayerChoice(1, "latency")), job.target, Context()) for layer in job.network.layers]
    for own in {trusted.regime: trusted for trusted in known if trusted.level == "recorded"}.values():
        errors = ", ".join(f"{metric} {own.error_percent[metric]:.1f} %" for metric in _METRICS if metric in own.error_percent)
        found.append(f"typical error of {own.regime}: {errors} (each shape left out in turn; {own.recorded})")
    if any(
        geometry(layer, chosen[layer.name], job.target).counts_half_the_pixels
        for layer in job.network.layers
        if layer.name in chosen
    ):
        found.append("latency of conv1d follows N-TORC's tables, which list twice the positions behind a pooling by two")
    carried = sorted({f"{own.regime} ({own.recorded})" for own in known if own.level == "carried over"})
    if carried:
        found.append(f"recorded for another tool, clock, device or width only: {'; '.join(carried)}")
    derived = sorted({own.regime.family or "other" for own in known if own.level == "derived" and own.regime.family not in _FREE})
    if derived:
        found.append(
            f"not recorded: {', '.join(derived)} under {job.target.io_type}; derived from hls4ml's templates, may be off by a factor"
        )
    unknown = [layer.name for layer in job.network.layers if not is_known(layer)]
    if unknown:
        found.append(f"nothing is known of {', '.join(unknown)}, so the totals are unknown")
    return tuple(found)
