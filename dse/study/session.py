"""One way to open, run and close a study: what `dse run`, `dse.run` and the deployment of an architecture search share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dse.store.journal import Journal
from dse.study.changes import refuse_foreign
from dse.study.loop import Campaign
from dse.synth_backends.base import Closes


def open_journal(folder: Path, file: Path, *, fresh: bool = False) -> Journal:
    """Open a study's journal for writing.

    Args:
        folder: the study's state.
        file: what the user calls the study by, for messages.
        fresh: begin anew; the old state is kept aside under its name and the time.

    Raises:
        CampaignLocked: another process runs it.
        SpecError: the folder is the user's own.
    """
    refuse_foreign(folder, file)
    journal = Journal(folder / "journal.jsonl")
    if fresh and journal.events:
        journal.close()
        set_aside(folder)
        journal = Journal(folder / "journal.jsonl")
    return journal


def set_aside(folder: Path) -> None:
    """Keep a study's state under its name and the time."""
    folder.rename(folder.with_name(f"{folder.name}.{time.strftime('%Y%m%d-%H%M%S')}"))


@contextmanager
def session(campaign: Campaign) -> Iterator[Campaign]:
    """Give journal and backend up at the end, whatever happens; jobs that outlive `dse` go on."""
    try:
        yield campaign
    finally:
        campaign.journal.close()
        backend = campaign.evaluator.backend
        if isinstance(backend, Closes):
            backend.close()
