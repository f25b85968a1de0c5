"""What `dse cancel` and `dse logs` share: single jobs of a campaign, found by the first letters of their keys."""

from __future__ import annotations

from dse.campaign.spec import CampaignSpec
from dse.errors import SpecError
from dse.execution.jobdir import JobFolder, job_folders

SHORTEST_PREFIX = 4


def is_open(folder: JobFolder) -> bool:
    last = folder.load().last
    return last is not None and last.is_open


def find_job(spec: CampaignSpec, prefix: str) -> JobFolder:
    folders = [folder for folder in job_folders(spec.state / "work") if folder.key.startswith(prefix.lower())]
    if len(prefix) < SHORTEST_PREFIX:
        raise SpecError(f"job {prefix!r}: give at least {SHORTEST_PREFIX} characters of its key.")
    if len(folders) == 1:
        return folders[0]
    known = [folder.key[:6] for folder in job_folders(spec.state / "work")]
    what = "several jobs begin so" if folders else "no such job"
    raise SpecError(f"job {prefix!r}: {what}; known are {', '.join(known[:20]) or 'none'}.")
