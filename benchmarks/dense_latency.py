"""Why the latency of a dense layer cannot be predicted within 3 % from its shape: the recordings contradict each other.

A dense layer waits until its input has arrived, one word or hundreds, and that depends on the layer before it, which a shape does not
tell. Prints how far apart the recordings themselves are, and what predictors reach that were told the answer.

    python benchmarks/dense_latency.py CORPUS
"""

from __future__ import annotations

import json
import sys
from statistics import mean, median

import numpy as np

from dse.corpus import find_corpus, read_corpus


def main() -> None:
    recorded: dict[tuple[tuple[int, int], int], list[float]] = {}
    for record in read_corpus(find_corpus(sys.argv[1])).layers:
        if record.layer.kind == "dense" and record.qor.latency_cycles_max is not None:
            key = ((record.layer.n_in, record.layer.n_out), record.choice.reuse_factor)
            recorded.setdefault(key, []).append(record.qor.latency_cycles_max)
    truth = {key: median(values) for key, values in recorded.items()}
    several = [mean(abs(v / truth[key] - 1) for v in values) for key, values in recorded.items() if len(values) > 1]

    in_hindsight = []
    for n_in in sorted({shape[0] for shape, _ in truth}):
        rows = [(factor, cycles) for (shape, factor), cycles in truth.items() if shape[0] == n_in]
        best = min(np.arange(0, 300, 0.25), key=lambda c: sum(abs((factor + c) / cycles - 1) for factor, cycles in rows))
        in_hindsight += [abs((factor + best) / cycles - 1) for factor, cycles in rows]

    twins = []
    for (shape, factor), cycles in truth.items():
        others = [v for (s, f), v in truth.items() if s[0] == shape[0] and s != shape and f == factor]
        twins += [[abs(v / cycles - 1) for v in others]] if others else []
    figures = {
        "schema": "dse.dense_latency/1",
        "points": len(truth),
        "one_recording_from_the_median_of_its_replicates_percent": 100 * mean(several),
        "reuse_factor_plus_best_constant_per_n_in_in_hindsight_percent": 100 * mean(in_hindsight),
        "another_layer_of_equal_inputs_and_reuse_factor_percent": 100 * mean(map(mean, twins)),
        "the_best_such_layer_in_hindsight_percent": 100 * mean(map(min, twins)),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
