"""The documentation is true: its reference is the code's, its commands run, its examples work, its links lead somewhere."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import dse
from dse import registry
from dse.corpus import write_records
from dse.design import Fidelity, IoType, Layer, LayerChoice, Target, Toolchain
from dse.estimation import estimate_layer
from dse.networks import read_network
from dse.qor import FailureKind, LayerRecord, Qor

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    return [text for kind, text in _BLOCK.findall((DOCS / page).read_text(encoding="utf-8")) if kind == language]


def load_file(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_reference_is_what_the_code_says() -> None:
    written = (DOCS / "campaign.md").read_text(encoding="utf-8")
    assert written == load_file(DOCS / "make_reference.py").reference(), "run: python docs/make_reference.py"


def test_reference_explains_every_key() -> None:
    rows = [line for line in (DOCS / "campaign.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    unexplained = [line for line in rows if line.rstrip().endswith("|  |")]
    assert not unexplained


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("http"):
            continue
        file, _, anchor = target.partition("#")
        linked = (page.parent / file) if file else page
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(linked), f"{page.name} links to {target}"


def anchors(page: Path) -> set[str]:
    """As GitHub makes them: lower case, spaces to dashes, all other punctuation away."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent == DOCS], ids=lambda page: page.name)
def test_named_files_exist(page: Path) -> None:
    examples = set(re.findall(r"^# (dse/\S+\.py)$", page.read_text(encoding="utf-8"), re.MULTILINE))
    for name in re.findall(r"`((?:dse|tests|docs|campaigns)/[\w./]+\.(?:py|toml|md|json))`", page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists() or name in examples, f"{page.name} names {name}"


def test_rooms_and_files_of_the_architecture_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w]+(?:/[\w.]+)*(?:\.py|\.toml|/)?)`", text))
    places = {name for name in named if "/" in name and "NAME" not in name}
    assert len(places) > 15
    for name in places:
        found = [ROOT / name, ROOT / "dse" / name, ROOT / "dse" / f"{name}.py"]
        assert any(path.exists() for path in found), name


def test_troubleshooting_knows_every_class() -> None:
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    assert {kind.value for kind in FailureKind} == set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder like a fresh checkout, without any campaign's state."""
    (tmp_path / "campaigns").mkdir()
    for file in (ROOT / "campaigns").glob("*.toml"):
        shutil.copy2(file, tmp_path / "campaigns" / file.name)
    shutil.copytree(ROOT / "campaigns" / "networks", tmp_path / "campaigns" / "networks")
    return tmp_path


def run_script(script: str, checkout: Path) -> None:
    for line in script.splitlines():
        words = shlex.split(line, comments=True)
        assert words[0] == "dse"
        if words[1] == "bundle" and importlib.util.find_spec("hls4ml") is None:
            continue
        command = [sys.executable, "-m", "dse.cli", *words[1:]]
        shown = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=120, check=False)
        assert shown.returncode == 0, f"{line}: {shown.stderr}"


def test_commands_of_the_first_page(checkout: Path) -> None:
    (script,) = blocks("README.md", "sh")
    run_script(script, checkout)


def test_commands_and_python_of_the_corpora_page(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (script,) = blocks("corpora.md", "sh")
    run_script(script, checkout)
    assert (checkout / "recorded" / "reports.jsonl").exists()
    monkeypatch.chdir(checkout)
    (example,) = blocks("corpora.md", "python")
    exec(compile(example, "corpora.md", "exec"), {})
    assert (checkout / "balance.svg").read_text().startswith("<svg")


def test_the_record_shown_can_be_read(tmp_path: Path) -> None:
    from dse.corpus import read_corpus

    (record,) = blocks("corpora.md", "json")
    (tmp_path / "one.jsonl").write_text('{"schema": "dse.corpus/1"}\n' + record)
    (layer,) = read_corpus(tmp_path / "one.jsonl").layers
    assert layer.qor.ff is None


@pytest.mark.parametrize("block", blocks("backends.md", "toml"), ids=lambda text: re.findall(r'kind = "(\w+)"', text)[0])
def test_backend_tables_are_valid(block: str, checkout: Path) -> None:
    from dse.campaign.spec import read_campaign

    campaign = checkout / "campaigns" / "jet_tagger_compact.toml"
    text = campaign.read_text()
    campaign.write_text(re.sub(r"\[backend\].*?(?=\n\[)", lambda _: block, text, flags=re.DOTALL))
    spec = read_campaign(campaign)
    assert spec.backend_kind == re.findall(r'kind = "(\w+)"', block)[0]


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The modules of extending.md, in their rooms for the time of one test."""
    names = set()
    for text in blocks("extending.md", "python"):
        room, name = re.match(r"# dse/(\w+)/(\w+)\.py\n", text).groups()  # type: ignore[union-attr]
        folder = tmp_path / "rooms" / room
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.py").write_text(text)
        package = importlib.import_module(f"dse.{room}")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        names.add(f"dse.{room}.{name}")
    importlib.invalidate_caches()
    forget()
    yield names
    for name in names:
        sys.modules.pop(name, None)
        room, _, short = name.rpartition(".")
        if hasattr(sys.modules[room], short):
            delattr(sys.modules[room], short)
    forget()


def forget() -> None:
    registry.load.cache_clear()
    registry._layer_kinds.cache_clear()
    registry.keras_classes.cache_clear()


NETWORK = '[[layer]]\nname = "a"\nkind = "dense"\nn_in = 8\nunits = 4\n[[layer]]\nname = "b"\nkind = "dense"\nn_in = 4\nunits = 2\n'
CAMPAIGN = """
campaign = {name = "own"}
network = {source = "network.toml"}
target = {part = "xc7a35tcpg236-1", clock_period_ns = 5.0}
search = {SEARCH}
backend = {BACKEND}
objective = [{metric = "dsp"}]
limit = [{metric = "latency_cycles_max", maximum = 40}]
budget = {syntheses = 30}
"""


def write(folder: Path, search: str, backend: str, network: str = NETWORK) -> Path:
    (folder / "network.toml").write_text(network)
    (folder / "own.toml").write_text(CAMPAIGN.replace("SEARCH", search).replace("BACKEND", backend))
    return folder / "own.toml"


def test_own_backend_and_search_run_a_campaign(examples: set[str], tmp_path: Path) -> None:
    found = dse.run(write(tmp_path, 'kind = "in_order"', 'kind = "formula", dsps_per_product = 2'))
    assert found.stop_reason == "every point has been tried"
    assert len(found.trials) == found.question.space.size
    feasible = [t.qor.dsp for t in found.trials if t.qor and t.qor.latency_cycles_max <= 40]  # type: ignore[operator]
    assert found.incumbent is not None
    assert found.incumbent.qor is not None
    assert found.incumbent.qor.dsp == min(feasible)  # type: ignore[type-var]
    assert {"dse.search.in_order", "dse.synth_backends.formula"} <= examples


def test_own_surrogate_guides_a_search(examples: set[str], tmp_path: Path) -> None:
    found = dse.run(write(tmp_path, 'surrogate = "by_estimate"', 'kind = "estimate"'))
    assert "believed from the analytic estimate alone" in found.state.notes
    assert found.is_finished
    assert found.incumbent is not None


def test_own_layer_kind_tells_its_rules(examples: set[str]) -> None:
    layer = Layer("gate", "gated_dense", 8, 4)
    kind = registry.layer_kind("gated_dense")
    found = kind.legal(layer, Target("xc7a35tcpg2361", 5.0), "resource")
    assert found.reuse_factors == (1, 2, 4, 8)
    assert [rule.name for rule in found.rules] == ["whole_rows"]
    assert kind.multiplications(layer) == 64


GATED = (
    '[[layer]]\nname = "g"\nkind = "gated_dense"\nn_in = 8\nunits = 4\n[[layer]]\nname = "b"\nkind = "dense"\nn_in = 4\nunits = 2\n'
)


@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_own_layer_kind_runs_through_everything(examples: set[str], io_type: IoType, tmp_path: Path) -> None:
    (tmp_path / "gated.toml").write_text(GATED)
    network = read_network(tmp_path / "gated.toml")
    gate, target = network.layer("g"), Target("xc7a35tcpg2361", 5.0, io_type)
    choices = [LayerChoice(factor) for factor in registry.layer_kind("gated_dense").legal(gate, target, "resource").reuse_factors]
    costs = [estimate_layer(gate, choice, target) for choice in choices]
    assert [cost.dsp for cost in costs[1:]] == [32, 16, 8]
    assert all(value and value > 0 for cost in costs for value in (cost.lut, cost.ff, cost.latency_cycles_max, cost.ii_cycles_max))
    records = [LayerRecord(gate, choice, target, Fidelity.CSYNTH, cost, "") for choice, cost in zip(choices, costs, strict=True)]
    surrogate = registry.load("surrogates", "gp")
    for measured in ((), tuple(records)):
        belief = surrogate.create(surrogate.Options()).fit(measured, target, seed=0)
        assert np.isfinite(belief.predict(gate, choices).mean).all()


def test_own_layer_kind_is_replayed(examples: set[str], tmp_path: Path) -> None:
    (tmp_path / "network.toml").write_text(GATED)
    network, target = (
        read_network(tmp_path / "network.toml"),
        Target("xc7a35tcpg2361", 5.0, toolchain=Toolchain("vivado_hls", "2019.2")),
    )
    records = [
        LayerRecord(layer, LayerChoice(factor), target, Fidelity.CSYNTH, Qor(dsp=64 // factor, latency_cycles_max=factor), "")
        for layer in network.layers
        for factor in (1, 2, 4)
    ]
    write_records(tmp_path / "recorded.jsonl", records)
    found = dse.run(write(tmp_path, 'kind = "in_order"', 'kind = "replay", corpus = "recorded.jsonl"', GATED))
    assert len(found.trials) == 9
    assert found.incumbent is not None
    assert found.incumbent.qor is not None
    assert found.incumbent.qor.dsp == 32


def test_own_kinds_keep_the_backend_contract(examples: set[str]) -> None:
    for room, kind in (("synth_backends", "formula"), ("search", "in_order"), ("surrogates", "by_estimate")):
        assert kind in registry.kinds(room)
        assert registry.load(room, kind).Options()


def test_no_page_holds_a_place_of_this_machine() -> None:
    places = (str(ROOT) + os.sep, str(Path.home()) + os.sep)
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert not [place for place in places if place in text], page.name
