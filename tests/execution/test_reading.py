"""F08: whatever is done to a report, it is read as it was or refused; never as another number."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from execution_kit import job_for, write_project
from fake_place import make_reports

from dse.errors import ReportError
from dse.execution.reading import Reading, optimised_away, read_reports
from dse.qor import Qor

JOB = job_for(4, 4)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with reports in XML only, so that nothing can be read elsewhere."""
    root = tmp_path_factory.mktemp("good")
    folder = make_reports(root)
    for path in folder.glob("*.rpt"):
        path.unlink()
    return root / "one"


def read(project: Path, started_at: float = 0.0) -> Reading:
    from dse.project.plan import load_plan

    return read_reports(project, load_plan(project), JOB, started_at)


def test_the_layers_have_the_networks_names(tmp_path: Path) -> None:
    make_reports(tmp_path)
    qor = read(tmp_path / "one").qor
    assert [name for name, _ in qor.layers] == ["fc1", "fc2"]
    assert qor.latency_cycles_max is not None


def test_what_the_tool_removed_is_told_by_a_bound_on_multipliers() -> None:
    """fc1 is a Resource layer: at a reuse factor above 1 its multipliers cannot be folded away."""
    name, choice = JOB.point.choices[0]
    layer = JOB.network.layer(name)
    needed = sum(-(-JOB.network.layer(n).n_in * JOB.network.layer(n).n_out // c.reuse_factor) for n, c in JOB.point.choices)
    assert (choice.strategy, choice.reuse_factor > 1, layer.n_in > 1) == ("resource", True, True)
    assert f"{needed:,} multipliers" in optimised_away(Qor(lut=needed // 2 - 1, ff=0, dsp=0), JOB)
    assert "0 DSP slices and 0 look-up tables" in optimised_away(Qor(lut=0, ff=0, dsp=0), JOB)
    for fine in (Qor(lut=needed, ff=0, dsp=0), Qor(lut=0, ff=0, dsp=needed), Qor(lut=0)):
        assert optimised_away(fine, JOB) == ""
    folded = replace(
        JOB, point=replace(JOB.point, choices=())
    )  # no weight in a memory: only a design without anything is too little
    assert "removed the whole design" in optimised_away(Qor(lut=0, ff=0, dsp=0), folded)
    assert optimised_away(Qor(lut=1, ff=0, dsp=0), folded) == ""


def test_f08_truncated_at_every_64th_byte(good: Path, tmp_path: Path) -> None:
    truth = read(good).qor
    report = next(good.rglob("myproject_csynth.xml"))
    content = report.read_bytes()
    project = tmp_path / "one"
    shutil.copytree(good, project)
    copy = project / report.relative_to(good)
    (copy.parent / "csynth.xml").unlink(missing_ok=True)
    n_refused = 0
    for end in range(0, len(content), 64):
        copy.write_bytes(content[:end])
        try:
            assert read(project).qor == truth
        except ReportError:
            n_refused += 1
    assert n_refused >= len(content) // 64 - 1


@pytest.mark.parametrize("number", ["nan", "-1", "1e400", "inf", "0x10", "12,5", "<b/>"])
@pytest.mark.parametrize("field", ["LUT", "Worst-caseLatency"])
def test_f08_a_number_that_is_none_is_refused_or_unknown(good: Path, tmp_path: Path, number: str, field: str) -> None:
    project = tmp_path / "one"
    shutil.copytree(good, project)
    (next(project.rglob("myproject_csynth.xml")).parent / "csynth.xml").unlink(missing_ok=True)
    report = next(project.rglob("myproject_csynth.xml"))
    text = report.read_text()
    before = text[text.index(f"<{field}>") : text.index(f"</{field}>")]
    report.write_text(text.replace(before, f"<{field}>{number}", 1))
    try:
        qor = read(project).qor
    except ReportError:
        return
    assert (qor.lut if field == "LUT" else qor.latency_cycles_max) is None


def test_f08_another_design_and_an_older_run(good: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    plan = write_project(job_for(1, 1), other)
    with pytest.raises(ReportError, match="older"):
        read(good, started_at=4e9)
    with pytest.raises(ReportError):
        read_reports(other, plan, job_for(1, 1), 0.0)
