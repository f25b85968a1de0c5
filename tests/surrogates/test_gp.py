"""The Gaussian processes: what they learn, what they leave open, and that they need no luck."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from dse.design import STRATEGIES, Fidelity, Layer, LayerChoice, Target
from dse.layers.base import legal_reuse_factors
from dse.qor import LayerRecord, Qor
from dse.registry import layer_kinds
from dse.surrogates import _gp_math, adaptive, gp
from dse.surrogates._features import NAMES, feature_table, hardly_matters
from dse.surrogates._observed import from_log, one_fidelity, to_log
from dse.surrogates._terms import Start, prior_mean
from dse.surrogates._work import forget
from dse.surrogates.base import METRICS

TARGET = Target("xczu7evffvc11562e", 4.0, io_type="io_stream")
LUT, DSP, CYCLES = (METRICS.index(name) for name in ("lut", "dsp", "latency_cycles_max"))


def dense(n_in: int, n_out: int) -> Layer:
    return Layer(f"fc_{n_in}_{n_out}", "dense", n_in, n_out)


def measured(layer: Layer, factor: int, noise: float = 0.0) -> LayerRecord:
    """A world with its own constants: the surrogates know its terms, not its numbers."""
    block = -(-layer.n_in * layer.n_out // factor)
    lut = (350.0 * block + 20 * layer.n_in + 800) * np.exp(noise)
    qor = Qor(lut=lut, ff=100.0 * block + 50 * layer.n_in, dsp=float(block), latency_cycles_max=factor + 9.0)
    return LayerRecord(layer, LayerChoice(factor), TARGET, Fidelity.CSYNTH, qor)


LAYERS = (dense(16, 16), dense(32, 8), dense(64, 32), dense(128, 16))
FACTORS = {layer: legal_reuse_factors(layer.n_in, layer.n_out)[1:] for layer in LAYERS}


def two_probes() -> list[LayerRecord]:
    """What two syntheses of a four-layer network tell: each layer at two of its values, staggered."""
    return [
        measured(layer, FACTORS[layer][(i + shift) % len(FACTORS[layer])]) for i, layer in enumerate(LAYERS) for shift in (0, 4)
    ]


@pytest.fixture(scope="module")
def belief():
    return gp.create(gp.Options()).fit(two_probes(), TARGET, seed=0)


def test_two_probes_teach_the_rest_of_the_tables(belief) -> None:
    errors, inside = [], []
    for layer in LAYERS:
        predicted = belief.predict(layer, [LayerChoice(f) for f in FACTORS[layer]])
        truth = np.array([[measured(layer, f).qor.lut, measured(layer, f).qor.latency_cycles_max] for f in FACTORS[layer]])
        columns = [LUT, CYCLES]
        errors.append(np.abs(predicted.mean[:, columns] / truth - 1))
        inside.append((predicted.lower[:, columns] <= truth) & (truth <= predicted.upper[:, columns]))
    assert np.median(np.concatenate(errors)) < 0.05
    assert np.concatenate(inside).mean() > 0.8


def test_multipliers_are_exact_before_anything_is_measured() -> None:
    belief = gp.create(gp.Options()).fit([], TARGET, seed=0)
    for layer in LAYERS:
        choices = [LayerChoice(f) for f in FACTORS[layer]]
        expected = [-(-layer.n_in * layer.n_out // f) for f in FACTORS[layer]]
        assert belief.predict(layer, choices).mean[:, DSP] == pytest.approx(expected)


def test_what_was_measured_is_predicted_as_measured(belief) -> None:
    for record in two_probes():
        predicted = belief.predict(record.layer, (record.choice,))
        assert predicted.mean[0, LUT] == pytest.approx(record.qor.lut, rel=0.05)
        assert predicted.upper[0, LUT] / predicted.lower[0, LUT] < 1.3


def test_samples_scatter_as_the_intervals_say(belief) -> None:
    choices = [LayerChoice(f) for f in FACTORS[LAYERS[2]]]
    rng = np.random.default_rng(0)
    draws = np.stack([belief.sample([(LAYERS[2], choices)], rng)[0][:, LUT] for _ in range(300)])
    predicted = belief.predict(LAYERS[2], choices)
    assert np.median(draws, axis=0) == pytest.approx(predicted.mean[:, LUT], rel=0.1)
    inside = ((predicted.lower[:, LUT] <= draws) & (draws <= predicted.upper[:, LUT])).mean()
    assert 0.8 < inside <= 1.0


def test_draws_are_joint_over_layers_of_a_kind() -> None:
    unseen = [(replace(dense(48, 24), name=name), [LayerChoice(8)]) for name in ("a", "b")]
    belief = gp.create(gp.Options()).fit(two_probes(), TARGET, seed=0)
    rng = np.random.default_rng(0)
    pairs = np.array([[table[0, LUT] for table in belief.sample(unseen, rng)] for _ in range(50)])
    # Equal circuits under two names: one unknown, so one draw.
    assert pairs[:, 0] == pytest.approx(pairs[:, 1], rel=1e-6)
    assert pairs.std() > 0


def test_replicates_widen_what_they_contradict() -> None:
    quiet = gp.create(gp.Options()).fit(two_probes() * 2, TARGET, seed=0)
    loud = gp.create(gp.Options()).fit(
        [replace(r, qor=measured(r.layer, r.choice.reuse_factor, s).qor) for r in two_probes() for s in (-0.3, 0.3)], TARGET, seed=0
    )
    choices = [LayerChoice(f) for f in FACTORS[LAYERS[0]]]
    widths = [np.log(p.upper[:, LUT] / p.lower[:, LUT]).mean() for p in (b.predict(LAYERS[0], choices) for b in (quiet, loud))]
    assert widths[1] > widths[0]


def test_no_warning_leaks_and_threads_are_put_back() -> None:
    import torch
    from threadpoolctl import threadpool_info

    before, of_torch = [pool["num_threads"] for pool in threadpool_info()], torch.get_num_threads()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gp.create(gp.Options()).fit(two_probes(), TARGET, seed=0).predict(LAYERS[0], [LayerChoice(4)])
    assert [pool["num_threads"] for pool in threadpool_info()][: len(before)] == before
    assert torch.get_num_threads() == of_torch


def test_without_gpytorch_forests_believe_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dse.surrogates.gp.is_installed", lambda: False)
    for recipe in (gp.create(gp.Options()), adaptive.create(adaptive.Options(trees=10))):
        forget()
        belief = recipe.fit(two_probes(), TARGET, seed=0)
        assert any("gpytorch is not installed" in note for note in belief.notes)
        assert np.isfinite(belief.predict(LAYERS[0], [LayerChoice(4)]).mean).all()
    forget()  # what was believed without it


def test_a_failed_fit_falls_back_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ArithmeticError("singular")

    forget()
    monkeypatch.setattr("dse.surrogates._gp_math.train", fail)
    belief = gp.create(gp.Options()).fit(two_probes(), TARGET, seed=0)
    assert any("singular" in note for note in belief.notes)
    assert np.isfinite(belief.predict(LAYERS[0], [LayerChoice(4)]).upper).all()


def test_more_points_than_a_fit_takes_are_drawn_by_seed() -> None:
    records = [measured(layer, f) for layer in LAYERS for f in FACTORS[layer]]
    first, second = (gp.create(gp.Options(max_points=10)).fit(records, TARGET, seed=5) for _ in range(2))
    assert any("10 were drawn" in note for note in first.notes)
    choices = [LayerChoice(f) for f in FACTORS[LAYERS[0]]]
    assert np.array_equal(first.predict(LAYERS[0], choices).mean, second.predict(LAYERS[0], choices).mean)


def test_a_kind_without_news_is_not_fitted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[int] = []
    train = _gp_math.train
    monkeypatch.setattr("dse.surrogates._gp_math.train", lambda *given: fits.append(1) or train(*given))
    forget()
    recipe, conv = gp.create(gp.Options()), [replace(r, layer=replace(r.layer, kind="conv1d")) for r in two_probes()]
    first = recipe.fit([*two_probes(), *conv], TARGET, seed=0)
    n_first = len(fits)
    again = recipe.fit([*two_probes(), *conv[:-1]], TARGET, seed=0)
    assert (n_first, len(fits)) == (2, 3)
    assert again.kinds["dense"] is first.kinds["dense"]
    assert again.kinds["conv1d"] is not first.kinds["conv1d"]


def test_plain_weights_are_the_same_for_all_shapes_and_know_no_fitted_constant() -> None:
    row = (LAYERS[0], LayerChoice(4), TARGET)
    assert not np.allclose(prior_mean([row], Start.PLAIN)[0, LUT], prior_mean([row], Start.ESTIMATE)[0, LUT])
    assert prior_mean([row], Start.PLAIN)[0, DSP] == pytest.approx(np.log1p(64.0))


def test_logs_go_there_and_back() -> None:
    values = np.array([0.0, 0.5, 1.0, 1e6, 2.0**39])
    assert from_log(to_log(values)) == pytest.approx(values)
    assert np.isfinite(from_log(np.array([1e9, -1e9]))).all()


def test_two_fidelities_are_never_mixed() -> None:
    records = two_probes()
    mixed = [*records, replace(records[0], fidelity=Fidelity.VSYNTH)]
    assert one_fidelity(mixed) == tuple(records)
    assert one_fidelity([records[0], replace(records[1], fidelity=Fidelity.VSYNTH)])[0].fidelity is Fidelity.VSYNTH


def test_features_name_every_column() -> None:
    table = feature_table([(LAYERS[0], LayerChoice(4), TARGET), (LAYERS[1], LayerChoice(256), TARGET)])
    assert table.shape == (2, len(NAMES))
    assert table[0, NAMES.index("log2_multipliers")] == 6.0
    assert table[1, NAMES.index("is_above_n_in")] == 1.0
    assert hardly_matters("lut").sum() > 0


@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_every_kind_of_layer_is_believed_under_every_strategy(io_type: str) -> None:
    target = replace(TARGET, io_type=io_type)
    belief = gp.create(gp.Options()).fit([], target, seed=0)
    choices = [LayerChoice(4, strategy) for strategy in STRATEGIES]
    for kind in layer_kinds():
        n_state = 4 if kind.endswith(("lstm", "gru")) else 0
        layer = Layer("layer", kind, 16, 16, n_positions=4, n_state=n_state, output_shape=(4, 16))
        predicted = belief.predict(layer, choices)
        assert np.isfinite([predicted.lower, predicted.mean, predicted.upper]).all(), kind
        assert predicted.extrapolates.all()


def test_io_parallel_learns_as_well() -> None:
    target = replace(TARGET, io_type="io_parallel")
    records = [replace(record, target=target) for record in two_probes()]
    belief = gp.create(gp.Options()).fit(records, target, seed=0)
    truth = np.array([measured(LAYERS[2], f).qor.lut for f in FACTORS[LAYERS[2]]])
    predicted = belief.predict(LAYERS[2], [LayerChoice(f) for f in FACTORS[LAYERS[2]]])
    assert np.median(np.abs(predicted.mean[:, LUT] / truth - 1)) < 0.25
    assert ((predicted.lower[:, LUT] <= truth) & (truth <= predicted.upper[:, LUT])).mean() > 0.7


def test_a_layer_that_tells_how_its_input_arrives_is_believed_so() -> None:
    slow, quick = (replace(LAYERS[3], attributes=(("input_packets", words),)) for words in (64, 1))
    belief = gp.create(gp.Options()).fit([], TARGET, seed=0)
    cycles = [belief.predict(layer, [LayerChoice(4)]).mean[0, CYCLES] for layer in (slow, quick)]
    assert cycles[0] - cycles[1] > 50


def test_kinds_that_lack_the_same_metrics_share_a_sentence() -> None:
    conv = [replace(record, layer=replace(record.layer, kind="conv1d")) for record in two_probes()]
    notes = [note for note in gp.create(gp.Options()).fit([*two_probes(), *conv], TARGET, seed=0).notes if "no record" in note]
    assert len(notes) == 1
    assert notes[0].startswith("dense, conv1d: no record of ")
