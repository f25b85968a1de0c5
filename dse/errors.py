"""Everything that can go wrong, by cause; each class knows the exit code of `dse`.

DseError                 4  an internal error, unless a subclass says otherwise
├─ SpecError             2  the campaign file, an option or an override is wrong
├─ NetworkError          2  a network file is missing, broken or holds what hls4ml cannot build
├─ SpaceError            2  no legal choice for a layer, or an illegal one was asked for
├─ CorpusError           2  recorded results are missing, empty or contradict themselves
├─ ReportError           2  a tool's report is missing, truncated or contradicts itself
├─ InfeasibleError       1  no point can meet the limits; names the limits in conflict
├─ ConversionError       3  hls4ml built something else than what was asked for
├─ BackendError          3  the machine, not the design: never cached, retried by policy
│    ├─ ToolNotFound
│    ├─ ToolVersionMismatch
│    ├─ PartMissing
│    ├─ LicenceUnavailable
│    ├─ ConnectionLost
│    └─ DiskFull
├─ NotRecorded           2  a replay was asked for a point that nobody recorded
├─ CacheError            3
│    ├─ CorruptEntry
│    ├─ NewerEntry
│    └─ CacheConflict
└─ JournalError          3
     ├─ CorruptJournal
     ├─ SpecChanged      2
     └─ CampaignLocked

A design that fails is data (`dse.qor.Failure`), not an exception.
Messages read *where: what; got X, expected Y. Next step.*
"""

from __future__ import annotations


class DseError(Exception):
    """Base of all errors that `dse` raises on purpose."""

    exit_code = 4


class SpecError(DseError):
    exit_code = 2


class NetworkError(DseError):
    exit_code = 2


class SpaceError(DseError):
    exit_code = 2


class CorpusError(DseError):
    exit_code = 2


class ReportError(DseError):
    """A report that cannot be read.

    Attributes:
        file: name of the report as the caller gave it.
        section: part of the report, e.g. an XML path or a table's title; "" if unknown.
        line: line number, counted from 1; None where the format has no lines.
    """

    exit_code = 2

    def __init__(self, message: str, *, file: str = "", section: str = "", line: int | None = None):
        place = ":".join(str(part) for part in (file, line) if part not in ("", None))
        where = " ".join(part for part in (place, f"[{section}]" if section else "") if part)
        super().__init__(f"{where}: {message}" if where else message)
        self.message, self.file, self.section, self.line = message, file, section, line


class InfeasibleError(DseError):
    exit_code = 1


class ConversionError(DseError):
    exit_code = 3


class BackendError(DseError):
    exit_code = 3


class ToolNotFound(BackendError):
    pass


class ToolVersionMismatch(BackendError):
    pass


class PartMissing(BackendError):
    pass


class LicenceUnavailable(BackendError):
    pass


class ConnectionLost(BackendError):
    pass


class DiskFull(BackendError):
    pass


class NotRecorded(DseError):
    exit_code = 2


class CacheError(DseError):
    exit_code = 3


class CorruptEntry(CacheError):
    pass


class NewerEntry(CacheError):
    pass


class CacheConflict(CacheError):
    pass


class JournalError(DseError):
    exit_code = 3


class CorruptJournal(JournalError):
    pass


class SpecChanged(JournalError):
    exit_code = 2


class CampaignLocked(JournalError):
    pass
