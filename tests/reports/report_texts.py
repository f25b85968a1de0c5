"""Reports written by hand in the tools' grammar, with the numbers that a test wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

PART = "xc7z020-clg400-1"


def utilization(
    design: str,
    lut: int,
    *,
    ff: int = 100,
    state: str = "Synthesized",
    part: str = "7z020clg400-1",
    black_boxes: Sequence[str] = (),
) -> str:
    """Return a flat `report_utilization`."""
    boxes = "".join(f"| {name} |    1 |\n" for name in black_boxes)
    return (
        "Copyright 1986-2019 Xilinx, Inc. All Rights Reserved.\n"
        "| Tool Version : Vivado v.2019.2 (lin64) Build 2708876 Wed Nov  6 21:39:14 MST 2019\n"
        "| Date         : Tue Apr  6 01:52:58 2021\n"
        f"| Command      : report_utilization -file {design}_utilization_synth.rpt\n| Design       : {design}\n| Device       : {part}\n"
        f"| Design State : {state}\n\nUtilization Design Information\n\nTable of Contents\n1. Slice Logic\n5. Black Boxes\n\n"
        "1. Slice Logic\n--------------\n\n+------------+------+-------+-----------+-------+\n|  Site Type | Used | Fixed | Available | Util% |\n"
        f"+------------+------+-------+-----------+-------+\n| Slice LUTs* | {lut} |     0 |     53200 |  2.87 |\n"
        f"| Slice Registers | {ff} |     0 |    106400 |  2.28 |\n| Block RAM Tile |  2.5 |     0 |       140 |  1.79 |\n"
        "| DSPs |   16 |     0 |       220 |  7.27 |\n+------------+------+-------+-----------+-------+\n\n"
        "5. Black Boxes\n--------------\n\n+----------+------+\n| Ref Name | Used |\n+----------+------+\n"
        f"{boxes}{'+----------+------+' if boxes else ''}\n\n6. Instantiated Netlists\n------------------------\n"
    )


def exported(step: str, lut: int, period: float) -> str:
    """Return `export_syn.rpt` or `export_impl.rpt` of Vitis HLS; `step` is "RTL Synthesis" or "Place & Route"."""
    rule = "=" * 64
    earlier = "| Post-Synthesis | 1.569       |\n" if step == "Place & Route" else ""
    return (
        f"{rule}\n== Vivado {step} Results\n{rule}\n+ General Information:\n    * Date:            Wed Apr 26 10:32:54 PDT 2023\n"
        "    * Version:         2023.2 (Build 3670227 on Oct 13 2022)\n    * Project:         myproject_prj\n"
        f"    * Target device:   {PART}\n\n\n{rule}\n== {step} Resource Summary\n{rule}\nLUT:              {lut}\nFF:               603\n"
        f"DSP:              4\nBRAM:             7\nURAM:             0\nSRL:              0\n\n\n{rule}\n== {step} Timing Summary\n{rule}\n"
        f"* Timing was met\n+----------------+-------------+\n| Timing         | Period (ns) |\n+----------------+-------------+\n"
        f"| Target         | 5.000       |\n{earlier}| Post-Route     | {period:.3f}       |\n+----------------+-------------+\n\n"
    )


def kernels(units: Mapping[str, int], *, kernel: str = "myproject", state: str = "Routed") -> str:
    """Return `report_accelerator_utilization` with one kernel of several compute units."""
    rows = "".join(
        f"| {name:<19} | {lut:7d} [  1.64%] |    487 [  0.08%] |   14876 [  0.61%] |  175 [  9.64%] |   0 [  0.00%] |   25 [  0.28%] |\n"
        for name, lut in [(kernel, sum(units.values())), *((f"   {name}", lut) for name, lut in units.items())]
    )
    border = "+" + "+".join("-" * width for width in (21, 19, 18, 19, 16, 15, 15)) + "+\n"
    return (
        "| Tool Version : Vivado v.2022.2 (lin64) Build 3671981\n| Date         : Sun May 19 07:47:59 2024\n"
        f"| Design       : level0_wrapper\n| Device       : xcu55c\n| Design State : {state}\n\n"
        "Accelerator Utilization Design Information\n\n1. System Utilization\n---------------------\n\n"
        f"{border}| Name | LUT | LUTAsMem | REG | BRAM | URAM | DSP |\n"
        f"{border}| Platform | 127605 [  9.79%] | 10328 [  1.72%] | 178700 [  6.85%] | 200 [  9.92%] | 0 [  0.00%] | 4 [  0.04%] |\n"
        "| User Budget         | 1176075 [100.00%] | 590632 [100.00%] | 2428660 [100.00%] | 1816 [100.00%] | 960 [100.00%] | 9020 [100.00%] |\n"
        f"{rows}{border}\n"
    )


RULE = "=" * 64


def _table(indent: str, *lines: str) -> str:
    """Draw a table: the last header line has as many columns as the rows; "" stands for a border between rows."""
    border = indent + "+" + "---+" * (max(line.count("|") for line in lines) - 1)
    body = [border if not line else indent + line for line in lines]
    return "\n".join([border, *body, border]) + "\n"


def _interface(name: str, values: tuple[int, int] | None, wide: int | None) -> str:
    if values is None:
        return "* Summary: \nN/A\n"
    inputs = [f"|data_{n}_V_read | in | 16| ap_none | data_{n}_V_read | scalar |" for n in range(values[0])]
    if wide is not None:
        inputs = [f"|data_V_read | in | {wide}| ap_none | data_V_read | scalar |"]
    outputs = [f"|ap_return_{n} | out | 16| ap_ctrl_hs | {name} | return value |" for n in range(values[1])]
    clock = "|ap_clk | in | 1| ap_ctrl_hs | x | return value |"
    return "* Summary: \n" + _table(
        "", "| RTL Ports | Dir | Bits| Protocol | Source Object | C Type |", "", clock, *inputs, *outputs
    )


def module(
    name: str,
    lut: int,
    *,
    values: tuple[int, int] | None = None,
    wide: int | None = None,
    instances: Mapping[str, tuple[str, int]] | None = None,
) -> str:
    """Return a module's report of Vivado HLS 2019.2.

    Args:
        values: how many go in and out; None for no interface table.
        wide: bits of the one port that carries all inputs.
        instances: (module, LUT) by the instance's name.
    """
    inside = instances or {}
    spans = "|  Latency (cycles) |   Latency (absolute)  |  Interval | Pipeline |"
    titles = "|   min   |   max   |    min    |    max    | min | max |   Type   |"
    timed = [f"|{label} |{one} | 9 | 9 | 45 ns | 45 ns | 9 | 9 | none |" for label, (one, _) in inside.items()]
    areas = [f"|{label} |{one} | 0| 0| 10| {n}| 0|" for label, (one, n) in inside.items()]
    none = "N/A\n"
    return "".join(
        (
            f"\n\n{RULE}\n== Vivado HLS Report for '{name}'\n{RULE}\n* Date:           Tue Mar  2 23:01:37 2021\n\n",
            "* Version:        2019.2 (Build 2698951 on Thu Oct 24 19:15:34 MDT 2019)\n* Project:        myproject_prj\n",
            f"* Solution:       solution1\n* Product family: zynq\n* Target device:  {PART}\n\n\n",
            f"{RULE}\n== Performance Estimates\n{RULE}\n+ Timing: \n    * Summary: \n",
            _table("    ", "|  Clock |  Target | Estimated| Uncertainty|", "", "|ap_clk  | 5.00 ns | 4.049 ns |   0.62 ns  |"),
            "\n+ Latency: \n    * Summary: \n",
            _table("    ", spans, titles, "", "|        9|        9| 45.000 ns | 45.000 ns |    9|    9| function |"),
            "\n    + Detail: \n        * Instance: \n",
            _table("        ", f"|          |        {spans}", f"| Instance | Module {titles}", "", *timed) if timed else none,
            f"\n        * Loop: \n        N/A\n\n{RULE}\n== Utilization Estimates\n{RULE}\n* Summary: \n",
            _table(
                "",
                "|  Name | BRAM_18K| DSP48E|   FF   |  LUT  | URAM|",
                "",
                f"|Total  |        0|      0|     200|   {lut}|    0|",
                "",
                "|Available |  280|    220|  106400|  53200|    0|",
            ),
            "\n+ Detail: \n    * Instance: \n",
            _table("    ", "| Instance | Module | BRAM_18K| DSP48E| FF | LUT | URAM|", "", *areas) if areas else none,
            f"\n\n{RULE}\n== Interface\n{RULE}\n",
            _interface(name, values, wide),
        )
    )


def parameters(*layers: tuple[int, str, str, str, str]) -> str:
    """Return `parameters.h`: (index, name, base or function, n_in, n_out) of dense layers and activations."""
    structs = []
    for index, name, what, n_in, n_out in layers:
        is_dense = what == "dense_config"
        head = f"struct config{index} : nnet::dense_config" if is_dense else f"struct {what}_config{index} : nnet::activ_config"
        out = (
            f"    static const unsigned n_out = {n_out};\n    static const unsigned strategy = nnet::latency;\n" if is_dense else ""
        )
        structs.append(
            f"// {name}\n{head} {{\n    static const unsigned n_in = {n_in};\n{out}    static const unsigned io_type = nnet::io_parallel;\n"
            "    static const unsigned reuse_factor = 1;\n};\n"
        )
    return "#ifndef PARAMETERS_H_\n#define PARAMETERS_H_\n\n" + "\n".join(structs) + "\n#endif\n"
