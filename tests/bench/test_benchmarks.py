"""Benchmarks: networks read and drawn, cases with a known optimum, runs judged rightly, one JSON document."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import fakes
import numpy as np
import pytest

import dse
from benchmarks import command
from benchmarks.cases import make_case, random_chance, record_network, record_table4, transfer_records
from benchmarks.drive import drive, start_view
from benchmarks.efficiency import Plan, make_searcher, sample_efficiency, summarize
from benchmarks.networks import draw_networks, read_networks
from benchmarks.overhead import overhead
from benchmarks.pareto import pareto
from benchmarks.stochastic import anneal, pose, random_best, solve_exactly
from dse.commands import bench
from dse.corpus.base import Corpus
from dse.corpus.jsonl import write_records
from dse.design import Fidelity, LayerChoice
from dse.errors import CorpusError, NetworkError, SpecError
from dse.parts import find_part
from dse.qor import LayerRecord
from dse.search.base import Advice, Proposal
from dse_ntorc.tables import TARGET

ROOT = Path(__file__).resolve().parent.parent.parent
SHAPES = [fakes.dense("dense", n, m) for n, m in ((16, 16), (64, 16), (64, 64))] + [
    replace(fakes.conv1d("conv", 12, 8, 32), attributes=(("kernel", 3), ("padding", "same"), ("stride", 1)))
]
NETWORKS = """
[[network]]
name = "toy"
[[network.layer]]
kind = "conv1d"
channels = 4
filters = 8
positions = 32
[[network.layer]]
kind = "dense"
n_in = 64
n_out = 16
[[network.layer]]
kind = "dense"
n_in = 16
units = 16
"""


@pytest.fixture
def corpus(tmp_path):
    records = [
        LayerRecord(layer, LayerChoice(factor), TARGET, Fidelity.CSYNTH, fakes.toy_qor(layer, LayerChoice(factor)), "toy")
        for layer in SHAPES
        for factor in (1, 2, 4, layer.n_in)
    ]
    write_records(tmp_path / "toy.jsonl", records)
    return tmp_path / "toy.jsonl"


@pytest.fixture
def networks(tmp_path):
    path = tmp_path / "networks.toml"
    path.write_text(NETWORKS)
    return path


def loaded(path) -> Corpus:
    from dse.corpus import read_corpus

    return read_corpus(path)


def test_reads_networks_by_layer_sizes(networks):
    (network,) = read_networks(networks)
    assert [layer.shape for layer in network.layers] == [
        ("conv1d", 12, 8, 32, 0),
        ("dense", 64, 16, 1, 0),
        ("dense", 16, 16, 1, 0),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no \\[\\[network\\]\\]"),
        ("[[network]]\nname = 'a'\n", "network.layer"),
        ("[[network]]\nname = 'a'\n[[network.layer]]\nkind = 'dense'\nn_in = 0\nn_out = 2\n", "n_in is 0"),
        ("[[network]]\nname = 'a'\n[[network.layer]]\nkind = 'pool'\n", "kind is 'pool'"),
        ("[[network]]\nname = 'a'\n[[network.layer]]\nkind = 'dense'\nn_im = 4\n", "got n_im"),
        ("[[network", "cannot be read"),
    ],
)
def test_a_broken_networks_file_is_one_message(tmp_path, text, message):
    path = tmp_path / "networks.toml"
    path.write_text(text)
    with pytest.raises(NetworkError, match=message):
        read_networks(path)


def test_the_shipped_networks_are_what_the_benchmark_promises():
    networks = read_networks(ROOT / "benchmarks" / "networks.toml")
    assert len(networks) >= 8
    assert all(5 <= len(network.layers) <= 12 for network in networks)
    assert {layer.kind for network in networks for layer in network.layers} == {"conv1d", "lstm", "dense"}


def test_every_shipped_network_is_recorded(shared):
    corpus = loaded(shared / "data" / "ntorc")
    for network in read_networks(ROOT / "benchmarks" / "networks.toml"):
        recorded = record_network(corpus, network, find_part(TARGET.part))
        assert all(len(option.choices) >= 2 for option in recorded.space.options)


def test_drawn_networks_are_recorded_and_the_same_each_time(corpus):
    records = loaded(corpus)
    drawn = draw_networks(records, 5, seed=3)
    assert drawn == draw_networks(records, 5, seed=3)
    for network in drawn:
        assert 5 <= len(network.layers) <= 12
        assert record_network(records, network, find_part(TARGET.part)).space.size > 1


def test_the_optimum_of_a_case_is_that_of_all_points(corpus, networks):
    recorded = record_network(loaded(corpus), read_networks(networks)[0], find_part(TARGET.part))
    case = make_case(recorded, 2.0)
    latency, cost = recorded.column("latency_cycles_max"), recorded.cost
    every = list(np.ndindex(*(len(column) for column in cost)))
    totals = [(sum(c[i] for c, i in zip(cost, p, strict=True)), sum(c[i] for c, i in zip(latency, p, strict=True))) for p in every]
    best = min(value for value, cycles in totals if cycles <= case.limit_cycles)
    assert case.best_cost == pytest.approx(best)
    share = np.mean([value <= 1.01 * best and cycles <= case.limit_cycles for value, cycles in totals])
    assert random_chance(case) == pytest.approx(share, abs=0.01)
    optimum = every[int(np.argmin([value if cycles <= case.limit_cycles else np.inf for value, cycles in totals]))]
    assert case.is_optimal(recorded.point(optimum))
    assert not case.is_optimal(recorded.point([0] * len(cost)))


def test_a_shape_that_nobody_recorded_is_named(corpus, tmp_path):
    path = tmp_path / "other.toml"
    path.write_text("[[network]]\nname = 'a'\n[[network.layer]]\nkind = 'dense'\nn_in = 17\nn_out = 3\n")
    with pytest.raises(CorpusError, match=r"dense 17 x 3, 1 positions is not recorded"):
        sample_efficiency(corpus, path, Plan())


def test_transfer_knows_other_shapes_only(corpus, networks):
    network = read_networks(networks)[0]
    records = transfer_records(loaded(corpus), network)
    assert records
    assert {record.layer.shape for record in records}.isdisjoint(layer.shape for layer in network.layers)


class Scripted:
    """Proposes given points, then stops, with or without a certificate."""

    def __init__(self, points, certificate=None):
        self.points, self.certificate = points, certificate

    def propose(self, view, n):
        if len(view.finished) == len(self.points):
            return Advice(stop="done", certificate=self.certificate)
        return Advice((Proposal(self.points[len(view.finished)], "script", "as told"),), certificate=self.certificate)


def test_a_run_is_judged_by_the_truth(corpus, networks):
    from dse.allocation.exact import Problem, TableLimit, allocate
    from dse.search.base import Certificate

    recorded = record_network(loaded(corpus), read_networks(networks)[0], find_part(TARGET.part))
    case = make_case(recorded, 2.0)
    limit = TableLimit("latency", recorded.column("latency_cycles_max"), case.limit_cycles)
    best = recorded.point(allocate(Problem(recorded.cost, (limit,))).choices)
    fastest, slowest = recorded.point([0, 0, 0]), recorded.point([-1, -1, -1])
    claim = Certificate(0.0, 0.01, 0.95)
    start = start_view(case, 0)
    found = drive(case, Scripted([slowest, fastest, best], claim), start, 10)
    assert (found.syntheses_to_optimum, found.syntheses_to_certificate, found.certificate_true) == (3, 3, True)
    assert found.gap_at[0] == (5, pytest.approx(0.0))
    wrong = drive(case, Scripted([slowest, fastest], claim), start, 10)
    assert (wrong.syntheses_to_optimum, wrong.syntheses_to_certificate, wrong.certificate_true) == (None, 2, False)
    silent = drive(case, Scripted([best]), start, 10)
    assert (silent.syntheses_to_optimum, silent.syntheses_to_certificate, silent.certificate_true) == (1, None, None)
    lost = drive(case, Scripted([slowest], claim), start, 10)
    assert lost.gap_at[0] == (5, None)


@pytest.mark.parametrize(("text", "message"), [("explore+colour=1", "colour"), ("oracle", "oracle"), ("tpe+startup=x", "startup")])
def test_a_wrong_search_is_refused(text, message):
    with pytest.raises(SpecError, match=message):
        make_searcher(text)


def test_one_json_document_with_all_promised_keys(corpus, networks, capsys):
    code = command.efficiency(corpus, networks, searches=("explore+surrogate=gp", "greedy", "ntorc"), factors=(2.0,), as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "dse.bench/1"
    keys = {"network", "limit_factor", "search", "seed", "space_size", "syntheses_to_optimum", "syntheses_to_certificate"}
    keys |= {"certificate_true", "gap_at", "overhead_seconds"}
    assert all(keys <= set(run) for run in document["runs"])
    assert set(document["runs"][0]["gap_at"]) == {"5", "10", "20", "50"}
    assert document["runs"][0]["syntheses_to_optimum"] is not None
    assert code == 0
    assert [row["search"] for row in summarize(document["runs"])] == ["explore+surrogate=gp", "greedy", "ntorc"]


def test_tables_for_people(corpus, networks, capsys):
    command.efficiency(corpus, networks, searches=("greedy",), factors=(2.0,))
    assert "greedy" in capsys.readouterr().out
    with pytest.raises(SpecError, match="--random"):
        command.efficiency(corpus)


def test_pareto_shares_grow_and_stay_below_one(corpus, networks):
    (run,) = pareto(corpus, networks, ("random",), 1, 12)
    verified, composed = list(run["verified_at"].values()), list(run["composed_at"].values())
    assert verified == sorted(verified)
    assert all(0 <= a <= b <= 1 + 1e-9 for a, b in zip(verified, composed, strict=True))


def test_overhead_counts_results(corpus, networks):
    rows = overhead(corpus, networks, ("greedy",), (3, 6), 0)
    assert [row["results"] for row in rows] == [3, 6]


def test_chance_and_annealing_never_beat_the_proof(shared):
    for space in record_table4(shared / "data" / "ntorc" / "table4", find_part(TARGET.part), TARGET):
        problem = pose(space)
        best = solve_exactly(space, problem, reference=True).objective
        for found in (random_best(problem, 3_000, 0), anneal(problem, 3_000, 0)):
            values = [
                sum(column[i] for column, i in zip(table, found, strict=True))
                for table in (problem.objective, problem.limits[0].table)
            ]
            assert values[0] >= best - 1e-6
            assert values[1] <= 50_000


def test_dse_bench_finds_the_benchmarks_of_its_checkout() -> None:
    assert bench.efficiency.__module__ == "benchmarks.command"
    assert str(ROOT) not in sys.path[:1]


def test_an_installed_dse_says_where_the_benchmarks_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(dse, "__file__", str(tmp_path / "site-packages" / "dse" / "__init__.py"))
    with pytest.raises(SpecError, match="not installed with dse"):
        _ = bench.efficiency
