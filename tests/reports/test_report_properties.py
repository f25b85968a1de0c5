"""Reports made of random numbers in random layouts: exactly these numbers come back, whatever the layout."""

from __future__ import annotations

import importlib.util
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse.errors import ReportError
from dse.reports.cosim_rpt import parse_cosim_rpt
from dse.reports.csynth_rpt import parse_csynth_rpt
from dse.reports.csynth_xml import parse_csynth_xml
from dse.reports.export_rpt import parse_export_rpt
from dse.reports.kinds import parse_report
from dse.reports.parameters_h import parse_parameters_h
from dse.reports.records import CosimReport, Span, ToolReport
from dse.reports.summary_rpt import parse_summary_rpt
from dse.reports.utilization_rpt import parse_utilization_rpt

counts = st.integers(0, 2**40 - 1)
cycles = st.one_of(st.none(), st.integers(0, 2**32 - 2), st.integers(2**32, 2**40 - 1))
gaps = st.integers(0, 5)


def harness() -> ModuleType:
    """Load the fuzz harness that lies beside this file."""
    path = Path(__file__).with_name("fuzz_reports.py")
    spec = importlib.util.spec_from_file_location("fuzz_reports", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_reports"] = module
    spec.loader.exec_module(module)
    return module


def cell(value: int | None, unknown: str) -> str:
    return unknown if value is None else str(value)


def interval_of(latency_max: int | None, ii: int | None) -> int | None:
    """A 0 beside an undefined latency means unknown."""
    return (ii or None) if latency_max is None else ii


@given(
    used=st.tuples(counts, counts, counts, counts), uram=st.one_of(st.none(), counts), latency=st.tuples(cycles, cycles),
    ii=st.tuples(cycles, cycles), dsp=st.sampled_from(["DSP", "DSP48E"]), order=st.permutations(range(4)), space=st.sampled_from(["", "\n  "]),
)  # fmt: skip
def test_xml(
    used: tuple[int, ...],
    uram: int | None,
    latency: tuple[int | None, ...],
    ii: tuple[int | None, ...],
    dsp: str,
    order: list[int],
    space: str,
) -> None:
    tags = [f"<{tag}>{space}{number}{space}</{tag}>" for tag, number in zip(("LUT", "FF", dsp, "BRAM_18K"), used, strict=True)]
    tags = [tags[index] for index in order] + ([f"<URAM>{uram}</URAM>"] if uram is not None else [])
    text = (
        f"<profile><ReportVersion><Version>2019.2</Version></ReportVersion><UserAssignments><TopModelName>t</TopModelName></UserAssignments>"
        f"<PerformanceEstimates><SummaryOfOverallLatency><Best-caseLatency>{cell(latency[0], 'undef')}</Best-caseLatency>"
        f"<Worst-caseLatency>{cell(latency[1], 'undef')}</Worst-caseLatency><Interval-min>{cell(ii[0], 'undef')}</Interval-min>"
        f"<Interval-max>{cell(ii[1], '4294967295')}</Interval-max></SummaryOfOverallLatency></PerformanceEstimates>"
        f"<AreaEstimates><Resources>{space.join(tags)}</Resources></AreaEstimates></profile>"
    )
    total = parse_csynth_xml(text).total
    assert (total.used.lut, total.used.ff, total.used.dsp, total.used.bram_18k, total.used.uram) == (*used, uram)
    assert total.latency_cycles == Span(*latency)
    assert total.ii_cycles == Span(interval_of(latency[1], ii[0]), interval_of(latency[1], ii[1]))


def table(header: list[list[str]], rows: list[list[str]], extra: int, indent: str) -> str:
    """Lay out a table: each title of the rows above the last spans the columns below it, as the tools do."""
    widths = [max(len(title), *(len(row[index]) for row in rows)) + extra for index, title in enumerate(header[-1])]
    border = indent + "+" + "+".join("-" * width for width in widths) + "+"
    lines = [border]
    for above in header[:-1]:  # (title, number of columns) pairs, flattened as "title*n"
        parts, index = [], 0
        for item in above:
            title, _, n = item.rpartition("*")
            width = sum(widths[index : index + int(n)]) + int(n) - 1
            parts.append(title.center(width)[:width])
            index += int(n)
        lines.append(indent + "|" + "|".join(parts) + "|")
    lines.append(indent + "|" + "|".join(title.center(width) for title, width in zip(header[-1], widths, strict=True)) + "|")
    lines.append(border)
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(value.rjust(width) for value, width in zip(row[1:], widths[1:], strict=True))]
        lines.append(indent + "|" + "|".join(cells) + "|")
    return "\n".join([*lines, border]) + "\n"


@given(
    used=st.tuples(counts, counts, counts, counts), uram=st.one_of(st.none(), counts), latency=st.tuples(cycles, cycles),
    ii=st.tuples(cycles, cycles), is_new=st.booleans(), extra=st.integers(8, 14), slr=st.booleans(), newline=st.sampled_from(["\n", "\r\n"]),
)  # fmt: skip
def test_text(
    used: tuple[int, ...], uram: int | None, latency: tuple[int | None, ...], ii: tuple[int | None, ...], is_new: bool, extra: int,
    slr: bool, newline: str,
) -> None:  # fmt: skip
    pairs = [cell(value, "?") for value in (*latency, *ii)]
    clock = ["ap_clk", "5.00 ns", "4.05 ns", "0.62 ns"] if is_new else ["ap_clk", "5.00", "4.05", "0.62"]
    if is_new:
        times = table(
            [["Latency (cycles)*2", "Latency (absolute)*2", "Interval*2", "Pipeline*1"], ["min", "max", "min", "max", "min", "max", "Type"]],
            [[*pairs[:2], "7.7 us", "7.8 us", *pairs[2:], "dataflow"]], extra, "    ",
        )  # fmt: skip
    else:
        times = table(
            [["Latency*2", "Interval*2", "Pipeline*1"], ["min", "max", "min", "max", "Type"]], [[*pairs, "none"]], extra, "    "
        )
    names = ["Name", "BRAM_18K", "DSP" if is_new else "DSP48E", "FF", "LUT"] + (["URAM"] if uram is not None else [])
    total = [str(used[index]) for index in (3, 2, 1, 0)] + ([str(uram)] if uram is not None else [])
    rows = [["Expression", *["-"] * len(total)], ["Total", *total]]
    rows += [["Available SLR", *["11"] * len(total)], ["Utilization SLR (%)", *["~0"] * len(total)]] if slr else []
    rows += [["Available", *["4321"] * len(total)], ["Utilization (%)", *["~0"] * len(total)]]
    text = (
        "== Vitis HLS Report for 'x'\n* Version:        2022.2 (Build 1)\n* Target device:  xc7z020-clg400-1\n\n== Performance Estimates\n"
        "+ Timing: \n" + table([["Clock", "Target", "Estimated", "Uncertainty"]], [clock], extra, "    ")
        + "+ Latency: \n" + times + "\n    + Detail: \n        * Instance: \n        N/A\n\n== Utilization Estimates\n* Summary: \n"
        + table([names], rows, extra, "") + "\n+ Detail: \n    * Instance: \n    N/A\n"
    ).replace("\n", newline)  # fmt: skip
    found = parse_csynth_rpt(text).total
    assert (found.used.lut, found.used.ff, found.used.dsp, found.used.bram_18k, found.used.uram) == (*used, uram)
    assert found.available.lut == 4321
    assert found.latency_cycles == Span(*latency)
    assert found.ii_cycles == Span(interval_of(latency[1], ii[0]), interval_of(latency[1], ii[1]))
    assert (found.clock_target_ns, found.clock_estimated_ns) == (5.0, 4.05)


@given(
    nodes=st.lists(st.tuples(st.integers(1, 4), st.booleans(), counts, cycles, cycles, st.sampled_from(["", " (54%)", " (~0%)"])), max_size=12),
    merged=st.booleans(), extra=st.integers(8, 12),
)  # fmt: skip
def test_summary(nodes: list[tuple[int, bool, int, int | None, int | None, str]], merged: bool, extra: int) -> None:
    depth, rows = 0, [["+ top*", "-", "0.00", "9", "9.0", "-", "8", "-", "dataflow", "-", "1", "2", "3", "-"]]
    modules, loops = ["top"], 0
    for index, (wanted, is_loop, lut, latency, ii, share) in enumerate(nodes):
        depth = min(wanted, depth + 1)
        name = f"{' ' * depth}{'o' if is_loop else '+'} n{index}"
        area = ["-"] * 5 if is_loop else ["-", "-", "-", f"{lut}{share}", "-"]
        rows.append([name, "-", "-0.10", cell(latency, "-"), "-", "-", cell(ii, "?"), "5", "no", *area])
        loops += is_loop
        modules += [] if is_loop else [f"n{index}"]
    last = [
        "& Loops",
        "Type",
        "Slack",
        "(cycles)",
        "(ns)",
        "Latency",
        "Interval",
        "Count",
        "Pipelined",
        "BRAM",
        "DSP",
        "FF",
        "LUT",
        "URAM",
    ]
    over = ["Modules*1", "Issue*1", "*1"] + (["Latency*2"] if merged else ["Latency*1", "Latency*1"])
    text = (
        "== Synthesis Summary Report of 'top'\n* Version: 2024.1\n"
        + table([[*over, "Iteration*1", "*1", "Trip*1", "*1", "*1", "*1", "*1", "*1", "*1"], last],
                rows, extra, "    ")
    )  # fmt: skip
    report = parse_summary_rpt(text)
    assert [module.name for module in report.modules] == modules
    assert sum(len(module.loops) for module in report.modules) == loops
    by_name = {module.name: module for module in report.modules}
    for index, (_, is_loop, lut, latency, ii, _) in enumerate(nodes):
        if not is_loop:
            module = by_name[f"n{index}"]
            assert (module.used.lut, module.used.ff, module.used.dsp) == (lut, 0, 0)
            assert module.latency_cycles == Span(latency, latency)
            assert module.ii_cycles == Span(interval_of(latency, ii), interval_of(latency, ii))


@given(
    lut=counts, ff=counts, dsp=counts, halves=st.integers(0, 10**6), uram=st.one_of(st.none(), counts), prohibited=st.booleans(),
    names=st.sampled_from([("Slice LUTs*", "Slice Registers"), ("CLB LUTs", "CLB Registers")]), state=st.sampled_from(["Synthesized", "Routed"]),
)  # fmt: skip
def test_utilization(
    lut: int, ff: int, dsp: int, halves: int, uram: int | None, prohibited: bool, names: tuple[str, str], state: str
) -> None:
    header = ["Site Type", "Used", "Fixed", *(["Prohibited"] if prohibited else []), "Available", "Util%"]

    def rows(*pairs: tuple[str, object]) -> str:
        body = [[f" {name} ".ljust(40), f" {used} ", "0", *(["3"] if prohibited else []), "77", "<0.01"] for name, used in pairs]
        return table([header], body, 2, "")

    tiles = f"{halves // 2}.5" if halves % 2 else str(halves // 2)
    memory = [("Block RAM Tile", tiles), ("  RAMB36/FIFO*", halves // 2), ("  RAMB18", halves % 2)] + (
        [("URAM", uram)] if uram is not None else []
    )
    text = (
        f"| Tool Version : Vivado v.2022.1 (lin64)\n| Design       : myproject\n| Design State : {state}\n\nUtilization Design Information\n\n"
        + rows((names[0], lut), ("  LUT as Logic", 5), (names[1], ff), ("  Register as Flip Flop", 6)) + "\n" + rows(*memory) + "\n"
        + rows(("DSPs", dsp), ("  DSP48E2 only", 1))
    )  # fmt: skip
    used = parse_utilization_rpt(text).total.used
    assert (used.lut, used.ff, used.dsp, used.bram_18k, used.uram) == (lut, ff, dsp, halves, uram)


@given(numbers=st.tuples(counts, counts, counts, counts), period=st.integers(1, 99999), gap=gaps)
def test_export(numbers: tuple[int, ...], period: int, gap: int) -> None:
    lines = [f"{name}:{' ' * (gap + 1)}{number}" for name, number in zip(("LUT", "FF", "DSP", "BRAM"), numbers, strict=True)]
    text = "\n".join(
        [
            "#=== Post-Synthesis Resource usage ===",
            *lines,
            "#=== Final timing ===",
            f"CP required: {period / 1000}",
            "Timing met",
            "",
        ]
    )
    total = parse_export_rpt(text).total
    assert (total.used.lut, total.used.ff, total.used.dsp, total.used.bram_18k) == numbers
    assert total.clock_target_ns == period / 1000


@given(values=st.tuples(*[cycles] * 6), total=st.one_of(st.none(), cycles), status=st.sampled_from(["Pass", "Fail"]))
def test_cosimulation(values: tuple[int | None, ...], total: int | None, status: str) -> None:
    cells = [cell(value, "NA") for value in values] + ([cell(total, "NA")] if total is not None else [])
    text = (
        "+---+\n|   |   |  Latency(Clock Cycles)  |\n+ RTL + Status +---+\n|   |   | min | avg | max | min | avg | max |\n+---+\n"
        f"|  VHDL| NA|{'|'.join(['NA'] * len(cells))}|\n|  Verilog| {status}|{'|'.join(f'  {text}' for text in cells)}|\n+---+\n"
    )
    report = parse_cosim_rpt(text)
    assert (report.latency_cycles, report.ii_cycles) == (Span(values[0], values[2]), Span(values[3], values[5]))
    assert (report.latency_average_cycles, report.ii_average_cycles, report.total_cycles) == (values[1], values[4], total)


@given(text=st.text())
def test_any_text_is_a_report_or_an_error(text: str) -> None:
    for parse in (parse_report, parse_csynth_xml, parse_csynth_rpt, parse_summary_rpt, parse_utilization_rpt, parse_export_rpt):
        try:
            assert isinstance(parse(text, "file"), (ToolReport, CosimReport))
        except ReportError:
            continue
    with suppress(ReportError):
        parse_parameters_h(text)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    tree=st.recursive(
        st.text(st.characters(codec="utf-8"), max_size=12),
        lambda inner: st.lists(
            st.tuples(
                st.sampled_from(["profile", "UserAssignments", "TopModelName", "Resources", "LUT", "AreaEstimates", "Module"]),
                inner,
            ),
            max_size=4,
        ),
        max_leaves=12,
    )
)
def test_any_xml_is_a_report_or_an_error(tree: object) -> None:
    from xml.sax.saxutils import escape

    def write(node: object) -> str:
        if isinstance(node, str):
            return escape(node)
        assert isinstance(node, list)
        return "".join(f"<{tag}>{write(inner)}</{tag}>" for tag, inner in node)

    with suppress(ReportError):
        parse_csynth_xml(f"<profile>{write(tree)}</profile>")


@pytest.mark.parametrize("name", ["csynth_xml", "csynth_rpt", "summary_rpt", "cosim_rpt", "utilization_rpt", "export_rpt", "timing_rpt",
                                  "parameters_h", "defines_h", "config_yaml", "any"])  # fmt: skip
def test_fuzz_short(name: str) -> None:
    tally = harness().fuzz(name, 400, seed=7)
    assert (tally.wrong, tally.crashes) == (0, 0), tally.first
    assert tally.records > 0


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", ["csynth_xml", "csynth_rpt", "summary_rpt", "cosim_rpt", "utilization_rpt", "export_rpt", "timing_rpt",
                                  "parameters_h", "defines_h", "config_yaml", "any"])  # fmt: skip
def test_fuzz_long(name: str) -> None:
    tally = harness().fuzz(name, 100_000, seed=2)
    assert (tally.wrong, tally.crashes) == (0, 0), tally.first
