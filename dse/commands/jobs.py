"""What `dse cancel` and `dse logs` share: single jobs of a campaign, found by the first letters of their keys."""

from __future__ import annotations

from dse.campaign.spec import CampaignSpec
from dse.errors import SpecError
from dse.study.assemble import build_backend
from dse.synth_backends.base import HasJobs, KnownJob

SHORTEST_PREFIX = 4


def backend_with_jobs(spec: CampaignSpec) -> HasJobs:
    """Return the campaign's backend; nothing is started.

    Raises:
        SpecError: its jobs are answered at once, so that there is none to look at.
    """
    backend = build_backend(spec)
    if not isinstance(backend, HasJobs):
        raise SpecError(f"backend {spec.backend_kind!r} answers at once: it has no jobs, and so no logs and nothing to cancel.")
    return backend


def find_job(backend: HasJobs, prefix: str) -> KnownJob:
    """Return the one job whose key begins so.

    Raises:
        SpecError: there is none, or several.
    """
    if len(prefix) < SHORTEST_PREFIX:
        raise SpecError(f"job {prefix!r}: give at least {SHORTEST_PREFIX} characters of its key.")
    jobs = backend.known_jobs()
    found = [job for job in jobs if job.key.startswith(prefix.lower())]
    if len(found) == 1:
        return found[0]
    keys = [job.key[:6] for job in jobs]
    what = "several jobs begin so" if found else "no such job"
    raise SpecError(f"job {prefix!r}: {what}; known are {', '.join(keys[:20]) or 'none'}.")
