"""What a campaign's results are called: an estimate is never a synthesis, and what was composed of recordings is not verified."""

from __future__ import annotations

from dataclasses import dataclass

from dse.design import Fidelity
from dse.study.assemble import Question


@dataclass(frozen=True, slots=True)
class Words:
    """One result, many of them, what they are (`measured`), and what may be said of a best design."""

    one: str = "synthesis"
    many: str = "syntheses"
    measured: str = "measured"
    verdict: str = "verified by the backend"

    def counted(self, n: int) -> str:
        """Return e.g. `3 syntheses`."""
        return f"{n} {self.one if n == 1 else self.many}"


SYNTHESES = Words()
ESTIMATES = Words("estimate", "estimates", "estimated", "estimated, not verified by synthesis")
RECORDINGS = Words(verdict="served from recordings")
COMPOSED = Words(verdict="composed of recorded layers, not verified as a whole")


def words_of(question: Question, notes: tuple[str, ...] = ()) -> Words:
    """Return the words for a question's results; `notes` are those of the result that is spoken of."""
    if question.backend.fidelity is Fidelity.ESTIMATE:
        return ESTIMATES
    if question.spec.backend_kind == "replay":
        return COMPOSED if any(note.startswith("composed of") for note in notes) else RECORDINGS
    return SYNTHESES
