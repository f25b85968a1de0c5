"""The question that a journal records: reading commands answer it, whatever has become of the campaign's file since.

The `opened` event holds the file's tables after the command line's overrides, the network, the space as the backend served it, and
what the backend's evidence rests on. So neither network file nor corpus is needed to read what was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dse.campaign.files import read_tables
from dse.campaign.problems import Problem, dotted
from dse.campaign.recognition import is_search
from dse.campaign.spec import CampaignSpec, build_spec, read_campaign
from dse.design import Fidelity, Job, Network, is_identifier
from dse.errors import BackendError, DseError, JournalError, SpecChanged
from dse.store.codec import space_from_json
from dse.store.journal import read_events
from dse.study.assemble import Question, assemble, build_space
from dse.study.changes import BACKEND_KEYS, changes
from dse.study.fold import CampaignState, evidence_of, replay
from dse.synth_backends.base import Progress
from dse.wire import from_json

# What a file may change without asking something else: reading follows the file.
FREE = ("cache", "budget", "slots", "notify")


@dataclass(slots=True)
class Recorded:
    """Stands for the backend that gave recorded evidence; it answers nothing anew."""

    fidelity: Fidelity
    basis: str

    def advance(self, wanted: Sequence[Job]) -> tuple[Progress, ...]:
        if wanted:
            raise BackendError("a question that was read from a journal is not asked anew. Run the campaign: dse run")
        return ()


def read_question(path: Path) -> Question:
    """Return the question of a campaign for reading: the one that its journal records; without a journal, the file's.

    `Question.differences` says where the file asks something else by now.

    Raises:
        DseError: there is no journal and the file is not as it should be; or the journal cannot be read, or is one of 0.1 (which did
            not record the question) whose file has changed since.
    """
    try:
        now, trouble = read_campaign(path), None
    except DseError as error:
        now, trouble = None, error
    journal = (now.state if now else folder_of(path)) / "journal.jsonl"
    found, _ = read_events(journal)
    state = replay(event for event in found if event["event"] in ("opened", "continued"))
    if state.question is not None:
        return _compared(_as_recorded(path, journal, state), state, now, trouble)
    if now is None:
        assert trouble is not None
        raise trouble
    return _of_old_journal(now, state) if found else assemble(now)


def is_search_file(path: Path) -> bool:
    """Whether a file is an architecture search's; if it cannot be read any more, whether its journal is one."""
    try:
        return is_search(read_tables(path)[0])
    except DseError:
        found, _ = read_events(folder_of(path, "nas") / "journal.jsonl")
        return bool(found) and found[0].get("question", {}).get("kind") == "nas"


def folder_of(path: Path, table: str = "campaign") -> Path:
    """Return where the state of a study is whose file is broken or gone."""
    name: Any = path.stem
    with suppress(DseError, KeyError, TypeError):
        name = read_tables(path)[0][table]["name"]
    return path.parent / (name if isinstance(name, str) and is_identifier(name) else path.stem)


def _as_recorded(path: Path, journal: Path, state: CampaignState) -> Question:
    recorded, problems = state.question or {}, list[Problem]()
    try:
        network = from_json(Network, recorded["network"])
        space = space_from_json(recorded["space"], network)
        spec = build_spec(path, recorded["document"], problems, network)
        fidelity, basis = evidence_of(dict(state.meaning))
        backend = Recorded(Fidelity(fidelity), basis)
    except (KeyError, TypeError, ValueError, AttributeError, DseError) as error:
        raise JournalError(f"{journal}: the question in it cannot be read: {error}. Restore it from a backup.") from error
    if spec is None:
        why = "; ".join(f"{dotted(problem.path)}: {problem.message}" for problem in problems[:3])
        raise JournalError(f"{journal}: records a question that this dse does not understand: {why}")
    return Question(spec, space, backend)


def _compared(question: Question, state: CampaignState, now: CampaignSpec | None, trouble: DseError | None) -> Question:
    if now is None:
        return replace(question, differences=(f"it cannot be read: {str(trouble).splitlines()[0]}",))
    before = {key: value for key, value in state.meaning if key == "backend.kind" or key not in BACKEND_KEYS}
    spec = replace(question.spec, **{name: getattr(now, name) for name in FREE})
    if now.backend_kind == spec.backend_kind:
        spec = replace(spec, backend_options=now.backend_options)
    return replace(question, spec=spec, differences=tuple(changes(before, now.meaning)))


def _of_old_journal(now: CampaignSpec, state: CampaignState) -> Question:
    """A journal of 0.1 has only the meaning's text: while the file means the same, it is the question."""
    before = {key: value for key, value in state.meaning if key == "backend.kind" or key not in BACKEND_KEYS}
    if rows := changes(before, now.meaning):
        raise SpecChanged(
            f"{now.path}: its journal is of dse 0.1, which did not record the question, and the file has changed since"
            f" ({'; '.join(rows)}). Undo the change to read it."
        )
    fidelity, basis = evidence_of(dict(state.meaning))
    backend = Recorded(Fidelity(fidelity), basis)
    try:
        return replace(assemble(now), backend=backend)
    except DseError:  # e.g. the corpus is gone
        return Question(now, build_space(now, backend), backend)
