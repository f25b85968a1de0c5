"""A process of its own that brings four jobs through the local backend: something to be killed at any moment.

    python driver.py DIRECTORY            the fake tools lie in DIRECTORY/tools, the work in DIRECTORY/work
Writes DIRECTORY/results.json when all jobs are done.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from execution_kit import NETWORK, TARGET, StubSource, job_for

from dse.synth_backends import local
from dse.synth_backends.base import Site

JOBS = (job_for(1, 1), job_for(2, 2), job_for(4, 4), job_for(8, 8))


def main(directory: Path) -> None:
    site = Site(NETWORK, TARGET, directory / "toy.json", directory / "work", "toy", slots=2)
    backend = local.create(local.Options(tool=str(directory / "tools" / "vivado_hls"), grace_seconds=0.3), site)
    backend.jobs.projects = StubSource()
    while True:
        answers = backend.advance(JOBS)
        if all(answer.state == "done" for answer in answers):
            break
        time.sleep(0.02)
    outcomes = {answer.key: asdict(answer.evaluation.outcome) for answer in answers if answer.evaluation}
    partial = directory / "results.partial"
    partial.write_text(json.dumps(outcomes, sort_keys=True))
    partial.replace(directory / "results.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
