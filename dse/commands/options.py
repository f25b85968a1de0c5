"""Arguments and options that mean the same in every command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CampaignFile = Annotated[Path, typer.Argument(metavar="CAMPAIGN.toml", help="the campaign file")]
NetworkFile = Annotated[Path, typer.Argument(metavar="NETWORK", help="a Keras .json, .h5 or .keras, or a .toml of layers")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", "-o", metavar="KEY=VALUE", help="override a key, e.g. --set search.mode=compact (-o is its old name)"),
]
CheckNumerics = Annotated[
    bool,
    typer.Option(
        "--check-numerics/--no-check-numerics",
        help="compile hls4ml's C++ once and compare its numbers with the network's (also off by DSE_CHECK_NUMERICS=0)",
    ),
]
Trust = Annotated[bool, typer.Option("--trust", help="let what the file names be run (setup, tool, notify, ...); ask nothing")]
Wide = Annotated[bool, typer.Option("--wide", help="leave no column out, however narrow the terminal is")]
