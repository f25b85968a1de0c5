"""`dse run`: start, resume or finish a campaign; the same command every time."""

from __future__ import annotations

from typing import Annotated

import typer

from dse.commands.options import CampaignFile, CheckNumerics, Overrides, Trust


def run_campaign(
    path: CampaignFile,
    *,
    overrides: Overrides = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="start again; the old state is kept aside")] = False,
    yes: Annotated[
        bool, typer.Option("-y", "--yes", help="ask nothing; what the file names to be run still needs --trust")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="stream one JSON event a line")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="no live table, no color")] = False,
    trust: Trust = False,
    check_numerics: CheckNumerics = True,
) -> int:
    """Run a campaign to its end and return the exit code of DESIGN's table."""
    from dse.study.question import is_search_file

    if is_search_file(path):
        from dse.commands.nas import nas_run

        return nas_run(path, overrides=overrides, fresh=fresh, as_json=as_json, plain=plain, yes=yes, trust=trust)
    from dse.campaign.spec import read_campaign
    from dse.commands.campaign_run import run_to_end
    from dse.commands.trust import agree_to_commands
    from dse.consent import commands_of

    spec = read_campaign(path, overrides or ())
    agree_to_commands(path, commands_of(spec), is_trusted=trust, overrides=overrides or (), may_ask=not yes)
    return run_to_end(spec, fresh=fresh, as_json=as_json, plain=plain, check_numerics=check_numerics)
