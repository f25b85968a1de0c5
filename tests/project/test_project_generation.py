"""Real hls4ml in a warm worker: what is asked is what is built, in every flow, or it is an error that names the layer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dse.design import DesignPoint, Job, LayerChoice, Precision
from dse.errors import ConversionError, NetworkError
from dse.layers.recurrent import effective
from dse.networks import read_network
from dse.project import ProjectGenerator, ProjectPlan, load_plan
from dse.project.plan import content_digest
from dse.reports.parameters_h import parse_parameters_h

pytestmark = pytest.mark.hls4ml

CAMPAIGN_NETWORKS = Path(__file__).resolve().parents[2] / "campaigns" / "networks"
FLOWS = [(tool, io) for tool in ("vivado_hls 2019.2", "vitis_hls 2023.2") for io in ("io_parallel", "io_stream")]
NAMES = ("mlp", "lstm", "gru", "conv2d", "jet_tagger")

MakeJob = Callable[..., Job]


def source_of(name: str, network_file: Callable[[str], Path]) -> Path:
    return CAMPAIGN_NETWORKS / f"{name}.json" if name == "jet_tagger" else network_file(name)


def check_built(job: Job, plan: ProjectPlan) -> None:
    """Compare the point with the plan, and with what the written sources say."""
    text = (plan.directory / "firmware" / "parameters.h").read_text()
    configs = {layer.index: layer for layer in parse_parameters_h(text)} if "struct config" in text else {}
    for name, choice in job.point.choices:
        (built,) = [layer for layer in plan.built_from(name) if layer.name == name]
        assert built.strategy == choice.strategy
        assert built.reuse_factor == choice.reuse_factor
        layer = job.network.layer(name)
        if layer.n_state:
            assert (built.reuse_factor, built.recurrent_reuse_factor) == effective(layer, choice.reuse_factor, choice.strategy)
        if choice.strategy != "distributed_arithmetic":  # becomes generated code without a configuration
            assert configs[built.config_index].reuse_factor == choice.reuse_factor
        assert plan.layer_names()[built.config_index] == name


@pytest.mark.parametrize("strategy", ["latency", "resource", "resource_unrolled"])
@pytest.mark.parametrize(("toolchain", "io_type"), FLOWS)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_is_built(
    generator: ProjectGenerator,
    network_file: Callable[[str], Path],
    make_job: MakeJob,
    tmp_path: Path,
    name: str,
    toolchain: str,
    io_type: str,
    strategy: str,
) -> None:
    source = source_of(name, network_file)
    job = make_job(source, strategy, 1, io_type, toolchain)
    plan = generator.submit(job, source, tmp_path / "project").result(120)
    check_built(job, plan)
    assert load_plan(tmp_path / "project") == plan
    settings = (plan.directory / "project.tcl").read_text()
    assert 'set part "xcu250-figd2104-2L-e"' in settings
    assert "set clock_period 5.0" in settings
    assert ("vitis" if toolchain.startswith("vitis") else "vivado") in settings
    assert (plan.directory / "build_opt.tcl").exists() == toolchain.startswith("vitis")
    assert [path.name for path in tmp_path.iterdir()] == ["project"]
    assert not list(plan.directory.glob("*.keras"))


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["latency", "resource", "resource_unrolled"])
@pytest.mark.parametrize(("toolchain", "io_type"), FLOWS)
@pytest.mark.parametrize("name", [*NAMES, "dropbear"])
def test_every_legal_reuse_factor_is_built(
    generator: ProjectGenerator,
    network_file: Callable[[str], Path],
    make_job: MakeJob,
    tmp_path: Path,
    name: str,
    toolchain: str,
    io_type: str,
    strategy: str,
) -> None:
    source = CAMPAIGN_NETWORKS / "dropbear.json" if name == "dropbear" else source_of(name, network_file)
    jobs = {make_job(source, strategy, position, io_type, toolchain) for position in range(24)}
    pairs = [(job, generator.submit(job, source, tmp_path / job.key)) for job in jobs]
    for job, generation in pairs:
        check_built(job, generation.result(600))


@pytest.mark.slow  # da4ml takes minutes on a busy machine
def test_distributed_arithmetic(
    generator: ProjectGenerator, network_file: Callable[[str], Path], make_job: MakeJob, tmp_path: Path
) -> None:
    source = network_file("tiny")
    job = make_job(source, "distributed_arithmetic")
    plan = generator.submit(job, source, tmp_path / "project").result(900)
    check_built(job, plan)


def test_equal_jobs_give_equal_digests_and_other_jobs_others(
    generator: ProjectGenerator, network_file: Callable[[str], Path], make_job: MakeJob, tmp_path: Path
) -> None:
    source = network_file("mlp")
    job = make_job(source)
    others = [
        make_job(source, position=2),
        make_job(source, "latency"),
        make_job(source, io_type="io_stream"),
        make_job(source, toolchain="vitis_hls 2023.2"),
        make_job(source, precision=Precision(18, 8)),
        make_job(source, clock_uncertainty_percent=20.0),
    ]
    generations = [generator.submit(each, source, tmp_path / f"p{i}") for i, each in enumerate([job, job, *others])]
    digests = [generation.result(120).digest for generation in generations]
    assert digests[0] == digests[1]
    assert len(set(digests)) == len(others) + 1


def test_digest_is_the_same_in_another_worker(
    generator: ProjectGenerator, network_file: Callable[[str], Path], make_job: MakeJob, tmp_path: Path
) -> None:
    """The weights of a network without weights are drawn from its digest, so a new process writes the same design."""
    source = network_file("gru")
    job = make_job(source)
    first = generator.submit(job, source, tmp_path / "first").result(120)
    (worker,) = (one.pid for one in generator._workers)
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    second = generator.submit(job, source, tmp_path / "second").result(300)
    assert generator._workers[0].pid not in (worker, None)
    assert first.digest == second.digest


def test_precision_of_one_layer(
    generator: ProjectGenerator, network_file: Callable[[str], Path], make_job: MakeJob, tmp_path: Path
) -> None:
    source = network_file("mlp")
    job = make_job(source)
    narrow = tuple((name, replace(c, precision=Precision(8, 3)) if name == "fc2" else c) for name, c in job.point.choices)
    plan = generator.submit(replace(job, point=DesignPoint(narrow)), source, tmp_path / "project").result(120)
    defines = (plan.directory / "firmware" / "defines.h").read_text()
    assert "typedef ap_fixed<8,3> fc2_weight_t;" in defines
    assert "typedef ap_fixed<16,6> fc1_weight_t;" in defines


@pytest.mark.parametrize(
    ("layer", "choice", "words"),
    [
        ("fc1", LayerChoice(7), ("layer fc1", "asked reuse factor 7 (resource)", "built reuse factor 8")),
        ("fc2", LayerChoice(1, "resource_unrolled"), ("layer fc2", "(resource_unrolled)", "(resource)")),
        ("fc2", LayerChoice(4, "distributed_arithmetic"), ("fc2", "rf = 4")),
    ],
)
def test_what_hls4ml_changes_is_an_error(
    generator: ProjectGenerator,
    network_file: Callable[[str], Path],
    make_job: MakeJob,
    tmp_path: Path,
    layer: str,
    choice: LayerChoice,
    words: tuple[str, ...],
) -> None:
    source = network_file("mlp")
    job = make_job(source)
    point = DesignPoint(tuple((name, choice if name == layer else each) for name, each in job.point.choices))
    generation = generator.submit(replace(job, point=point), source, tmp_path / "project")
    with pytest.raises(ConversionError) as caught:
        generation.result(120)
    for word in words:
        assert word in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_strategy_that_a_recurrent_layer_loses_is_an_error(
    generator: ProjectGenerator, network_file: Callable[[str], Path], make_job: MakeJob, tmp_path: Path
) -> None:
    source = network_file("lstm")
    job = make_job(source)
    point = DesignPoint((("cell", LayerChoice(1, "distributed_arithmetic")), *job.point.choices[1:]))
    with pytest.raises(ConversionError, match=r"layer cell: asked .*distributed_arithmetic.*built .*latency"):
        generator.submit(replace(job, point=point), source, tmp_path / "project").result(120)


def test_wrong_hls4ml_version_is_an_error(
    generator: ProjectGenerator, network_file: Callable[[str], Path], make_job: MakeJob, tmp_path: Path
) -> None:
    source = network_file("mlp")
    job = make_job(source, hls4ml_version="0.8.1")
    with pytest.raises(ConversionError, match=r"expected 0\.8\.1"):
        generator.submit(job, source, tmp_path / "project").result(120)


def test_listed_network(generator: ProjectGenerator, make_job: MakeJob, tmp_path: Path) -> None:
    source = tmp_path / "listed.toml"
    source.write_text(
        '[[layer]]\nname = "conv"\nkind = "conv1d"\nchannels = 2\nfilters = 4\nkernel = 3\npositions = 8\nactivation = "relu"\n'
        '[[layer]]\nname = "cell"\nkind = "lstm"\nn_in = 4\nunits = 3\npositions = 8\nreturn_sequences = false\n'
        '[[layer]]\nname = "out"\nkind = "dense"\nn_in = 3\nunits = 2\n'
    )
    job = make_job(source)
    plan = generator.submit(job, source, tmp_path / "project").result(120)
    check_built(job, plan)
    assert {layer.class_name for layer in plan.layers} >= {"Conv1D", "LSTM", "Dense"}


def test_listed_network_with_a_gap_is_refused(generator: ProjectGenerator, make_job: MakeJob, tmp_path: Path) -> None:
    source = tmp_path / "gap.toml"
    source.write_text(
        '[[layer]]\nname = "one"\nkind = "dense"\nn_in = 8\nunits = 6\n[[layer]]\nname = "two"\nkind = "dense"\nn_in = 5\nunits = 2\n'
    )
    with pytest.raises(NetworkError, match=r"layer two: the layer before gives \(6,\), expected \(5,\)"):
        generator.submit(make_job(source), source, tmp_path / "project").result(120)


_SAVE_AND_CONVERT = """
import os, sys
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", TF_ENABLE_ONEDNN_OPTS="0")
import hls4ml, keras, numpy as np
zip_file, hdf5_file, folder = sys.argv[1:]
parts = [keras.Input((4,), name="x_in"), keras.layers.Dense(6, activation="relu", name="fc"), keras.layers.Dense(3, name="out")]
model = keras.Sequential(parts)
model.set_weights([np.full((4, 6), 0.25), np.full(6, -0.5), np.full((6, 3), 0.125), np.zeros(3)])
model.save(zip_file)
model.save(hdf5_file)
for backend in ("Vivado", "Vitis"):
    config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend=backend, default_precision="ap_fixed<16,6>")
    for layer in config["LayerName"].values():
        layer["Precision"] = {key: "ap_fixed<16,6>" if text == "auto" and key != "accum" else text for key, text in layer["Precision"].items()}
    for name, factor in (("fc", 2), ("out", 2)):
        config["LayerName"][name].update(ReuseFactor=factor, Strategy="Resource")
    hls4ml.converters.convert_from_keras_model(
        model, hls_config=config, backend=backend, output_dir=f"{folder}/{backend}", io_type="io_stream",
        part="xcu250-figd2104-2L-e", clock_period=5.0).write()
"""


def test_project_is_what_plain_hls4ml_writes(generator: ProjectGenerator, make_job: MakeJob, tmp_path: Path) -> None:
    """Byte for byte in all that the tool reads, from both Keras formats, with the file's own weights."""
    files = [tmp_path / "saved.keras", tmp_path / "saved.h5"]
    subprocess.run([sys.executable, "-c", _SAVE_AND_CONVERT, *map(str, files), str(tmp_path)], check=True, capture_output=True)
    for source in files:
        for toolchain, backend in (("vivado_hls 2019.2", "Vivado"), ("vitis_hls 2023.2", "Vitis")):
            job = make_job(source, "resource", 1, "io_stream", toolchain)
            assert job.point.reuse_factors == (2, 2)
            plan = generator.submit(job, source, tmp_path / f"{backend}_{source.suffix[1:]}").result(120)
            assert plan.digest == content_digest(tmp_path / backend)
            ours, plain = ({p.relative_to(d).as_posix() for p in d.rglob("*")} for d in (plan.directory, tmp_path / backend))
            assert ours ^ plain == {"dse_plan.json", "keras_model.keras"}
            weights = (plan.directory / "firmware" / "weights" / "w2.txt").read_text()
            assert {float(number) for number in weights.replace("\n", "").split(",")} == {0.25}
            assert not any("seed" in note for note in plan.notes)


def test_recorded_keras_2_networks(generator: ProjectGenerator, make_job: MakeJob, shared: Path, tmp_path: Path) -> None:
    sources = sorted((shared / "data" / "ntorc" / "networks").glob("*.json"))
    assert sources
    generations = []
    for number, source in enumerate(sources):
        job = make_job(source, "resource", 2, "io_stream")
        generations.append((job, generator.submit(job, source, tmp_path / str(number))))
    for job, generation in generations:
        check_built(job, generation.result(240))


@pytest.mark.slow
def test_torch_backend_writes_the_same_design(
    generator: ProjectGenerator,
    network_file: Callable[[str], Path],
    make_job: MakeJob,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = network_file("lstm")
    job = make_job(source)
    usual = generator.submit(job, source, tmp_path / "usual").result(300)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with ProjectGenerator(1) as other:
        assert other.submit(job, source, tmp_path / "torch").result(300).digest == usual.digest


def test_changed_network_file_is_refused(generator: ProjectGenerator, make_job: MakeJob, tmp_path: Path) -> None:
    source = tmp_path / "net.json"
    source.write_bytes((CAMPAIGN_NETWORKS / "mlp.json").read_bytes())
    job = make_job(source)
    source.write_bytes((CAMPAIGN_NETWORKS / "jet_tagger.json").read_bytes())
    assert read_network(source).digest != job.network.digest
    with pytest.raises(NetworkError, match="changed since the campaign read it"):
        generator.submit(job, source, tmp_path / "project")
