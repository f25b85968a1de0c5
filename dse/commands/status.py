"""`dse status`: what a campaign has found. It reads files only, so it works while the campaign runs and after a crash."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from dse.commands.options import AsJson, CampaignFile, Wide

WATCH_SECONDS = 2.0


def status(
    path: CampaignFile,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="the board of `dse run`, only to look at; q leaves")] = False,
    wide: Wide = False,
    as_json: AsJson = False,
) -> int:
    """Print trials, incumbent and certificate of a campaign; with `watch`, show the board on a terminal, else print what is new."""
    from dse.commands.campaign_report import print_status, status_document
    from dse.commands.output import console, print_json, question_of
    from dse.study.question import is_search_file
    from dse.view.story import read_story

    if is_search_file(path):
        from dse.commands.nas import nas_status

        return nas_status(path, as_json=as_json, watch=watch)
    question = question_of(path)
    screen = console()
    if watch and not as_json and screen.is_terminal:
        from dse.view.watch import Watch

        state = Watch(question, screen).follow()
        if state.stop is not None:
            print_status(read_story(question), wide=wide)
        return 0
    shown: int | None = None
    while True:
        story = read_story(question)
        if len(story.events) != shown:
            shown = len(story.events)
            if as_json:
                print_json("status", status_document(story))
            else:
                print_status(story, wide=wide)
        if not watch or story.state.stop is not None:
            return 0
        time.sleep(WATCH_SECONDS)
