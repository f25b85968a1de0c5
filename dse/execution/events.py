"""What may happen to a job, and what is then to be done; see `dse.execution.step`."""

from __future__ import annotations

from dataclasses import dataclass

from dse.errors import BackendError
from dse.execution.jobdir import Attempt, Ticket
from dse.execution.places import Sighting
from dse.project.plan import ProjectPlan
from dse.qor import Evaluation, Provenance


@dataclass(frozen=True, slots=True)
class Judgement:
    """How an attempt ended: `cause` is "measured" or a row of the retry policy."""

    cause: str
    message: str = ""
    log_tail: str = ""
    evaluation: Evaluation | None = None
    provenance: Provenance | None = None


# What may happen to a job.


@dataclass(frozen=True, slots=True)
class Wanted:
    """Somebody wants its result, or nobody does any longer."""

    is_wanted: bool


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time went by. `is_cancelled`: somebody left a mark that this job is to end."""

    is_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class ProjectWritten:
    project: ProjectPlan


@dataclass(frozen=True, slots=True)
class ProjectFailed:
    """The project of this design cannot be written."""

    message: str


@dataclass(frozen=True, slots=True)
class ProjectDelayed:
    """The project finds no room on the disk."""

    message: str


@dataclass(frozen=True, slots=True)
class Granted:
    """A slot of a host; `token` marks the processes of the attempt."""

    host: str
    token: str


@dataclass(frozen=True, slots=True)
class Held:
    """No host may take it now, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What a survey of its host saw of it."""

    sighting: Sighting
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """What was being done at its host was done."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Nobody knows whether what was being done at its host was done: the next survey will tell."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Its host will not do it. `is_final`: nor anything else, until somebody acts."""

    message: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """The attempt ended, and this is what its files mean."""

    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Kept:
    """Its evaluation is on disk, or need not be."""

    evaluation: Evaluation


@dataclass(frozen=True, slots=True)
class Abandoned:
    """Its host has been silent for too long."""

    message: str


Event = (
    Wanted | Ticked | ProjectWritten | ProjectFailed | ProjectDelayed | Granted | Held | Seen | Answered | Unanswered | Refused | Judged
    | Kept | Abandoned
)  # fmt: skip


# What is then to be done, in the order given.


@dataclass(frozen=True, slots=True)
class WriteProject:
    """Have its project written, or take the one that is there."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Give up a project on its way, delete what can be made again of one that is done, and know the job no longer."""


@dataclass(frozen=True, slots=True)
class SaveTicket:
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Submit:
    """Hand the open attempt to its host; doing so twice starts it once."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Have its host end the open attempt; `is_hard` without asking its shim."""

    is_hard: bool


@dataclass(frozen=True, slots=True)
class Collect:
    """Bring the files of the ended attempt here and judge them. `lost`: its shim is gone without a word, as this sighting says."""

    lost: Sighting | None = None


@dataclass(frozen=True, slots=True)
class Clean:
    """Delete what the host still holds of an attempt that ended, and here what can be made again of one that is repeated."""

    host: str
    attempt: Attempt
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Keep:
    """Make the evaluation of the job and put it on disk, then say so by `Kept`."""

    judgement: Judgement
    cause: str


@dataclass(frozen=True, slots=True)
class ClearCancel:
    """Take away the mark that the job is to end."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The host is sound: it told something about a design."""

    host: str


@dataclass(frozen=True, slots=True)
class Blame:
    """A failure that may be the host's."""

    host: str
    cause: str


@dataclass(frozen=True, slots=True)
class EndCampaign:
    """Nothing can go on until somebody acts. `since`: no licence since then; it ends only after `licence_hours` without any success."""

    error: BackendError
    since: float | None = None


Action = (
    WriteProject | Forget | SaveTicket | Submit | Stop | Collect | Clean | Keep | ClearCancel | Trust | Blame | EndCampaign
)  # fmt: skip
