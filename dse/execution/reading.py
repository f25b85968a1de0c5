"""The reports of one run, read and compared with what was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dse.design import Job
from dse.errors import ReportError
from dse.project.plan import ProjectPlan
from dse.qor import Qor


@dataclass(frozen=True, slots=True)
class Reading:
    """A result as reported. `problems` are reasons not to believe that it is the result of this run."""

    qor: Qor
    problems: tuple[str, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def read_reports(project: Path, plan: ProjectPlan | None, job: Job, started_at: float) -> Reading:
    """Read what the tool left in a project.

    Args:
        plan: what was generated; names the layers.
        started_at: when the shim started, by the clock of the file system that the reports lie on.

    Raises:
        ReportError: there is no complete report.
    """
    from dse.design import normalise_part
    from dse.reports.csynth_xml import parse_csynth_xml

    found = sorted(project.glob("*_prj/solution1/syn/report/*_csynth.xml"))
    top = plan.top if plan else "myproject"
    own = [p for p in found if p.name == f"{top}_csynth.xml"]
    if not own:
        raise ReportError("missing")
    r = parse_csynth_xml(own[0].read_text(errors="replace"), own[0].name)
    problems = []
    if own[0].stat().st_mtime < started_at - 2:
        problems.append("older than the run")
    if r.top != top:
        problems.append("other top")
    if normalise_part(r.part_as_written) != job.target.part:
        problems.append("other part")
    t = r.total
    return Reading(
        Qor(
            lut=t.used.lut,
            ff=t.used.ff,
            dsp=t.used.dsp,
            bram_18k=t.used.bram_18k,
            uram=t.used.uram,
            latency_cycles_min=t.latency_cycles.minimum,
            latency_cycles_max=t.latency_cycles.maximum,
            ii_cycles_min=t.ii_cycles.minimum,
            ii_cycles_max=t.ii_cycles.maximum,
            clock_period_ns=t.clock_estimated_ns,
        ),
        tuple(problems),
    )
