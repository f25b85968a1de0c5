"""An analytic estimate in place of a synthesis: immediate, for every point, and never called anything else than an estimate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dse.design import Fidelity, Job
from dse.estimate import basis, context_of, estimate_design, is_fitted, is_known, typical_errors
from dse.estimate.geometry import geometry
from dse.qor import Evaluation, Provenance
from dse.synth_backends.base import Progress, Site

_METRICS = ("lut", "ff", "dsp", "bram_18k", "latency_cycles_max")


@dataclass(frozen=True, slots=True)
class Options:
    """Keys of `[backend]` for `kind = "estimate"`: none."""


def create(options: Options, site: Site) -> Estimate:
    """Return the backend."""
    return Estimate()


class Estimate:
    """A backend that answers at once, from formulas. The same job gives the same numbers as long as `basis` is the same."""

    def __init__(self) -> None:
        self.fidelity = Fidelity.ESTIMATE
        self.basis = basis()

    def advance(self, wanted: Sequence[Job]) -> tuple[Progress, ...]:
        """Answer all jobs."""
        return tuple(Progress(job.key, "done", _evaluate(job)) for job in wanted)


def _evaluate(job: Job) -> Evaluation:
    qor = estimate_design(job.network, job.point, job.target)
    provenance = Provenance("estimate", tool="analytic estimate (no tool was run)", notes=notes(job))
    return Evaluation(job.key, Fidelity.ESTIMATE, qor, provenance)


def notes(job: Job) -> tuple[str, ...]:
    """Return how far the numbers of a job can be trusted: the typical error per kind and metric, and what was never fitted."""
    style = next((context.style for context in context_of(job.network, job.point, job.target).values()), "dataflow")
    found = [f"an estimate, not a synthesis; the top is a {style} region"]
    chosen = dict(job.point.choices)
    layers = [layer for layer in job.network.layers if layer.name in chosen]
    fitted = sorted({layer.kind for layer in layers if is_fitted(layer, chosen[layer.name], job.target)})
    for kind in fitted:
        errors = typical_errors(kind)
        known = ", ".join(f"{metric} {errors[metric]:.1f} %" for metric in _METRICS if metric in errors)
        found.append(
            f"typical error of {kind}: {known} (each shape left out in turn of N-TORC's recordings: Vivado HLS 2019.1, 16 bits, 4 ns); "
            "its II is not fitted"
        )
    if any(geometry(layer, chosen[layer.name], job.target).counts_half_the_pixels for layer in layers):
        found.append("latency of conv1d follows N-TORC's tables, which list twice the positions behind a pooling by two")
    others = sorted({layer.kind for layer in job.network.layers} - set(fitted) - {"input"})
    if others:
        found.append(
            f"not fitted: {', '.join(others)} under {job.target.io_type}; derived from hls4ml's templates, may be off by a factor"
        )
    unknown = [layer.name for layer in job.network.layers if not is_known(layer)]
    if unknown:
        found.append(f"nothing is known of {', '.join(unknown)}, so the totals are unknown")
    return tuple(found)
