"""Projects on their way: asked for when a job is new, taken when written, the generator started only when one is needed."""

from __future__ import annotations

from collections.abc import Callable

from dse.errors import ConversionError
from dse.execution.work import ProjectSource, Work
from dse.project.plan import load_plan
from dse.synth_backends.base import Site


class Projects:
    """The source of projects of one engine."""

    def __init__(self, site: Site, make: Callable[[], ProjectSource]) -> None:
        self._site, self._make = site, make
        self._source: ProjectSource | None = None

    def take_from(self, source: ProjectSource) -> None:
        """Take projects from this source instead."""
        self._source = source

    def prepare(self, work: Work, now: float) -> None:
        """Bring a job from new to ready, if its project is there.

        Raises:
            ConversionError: the project of this job cannot be written.
            DiskFull: there is no room for it.
            NetworkError, SpecError: the project of no job can be written.
        """
        if work.stage == "new" and now >= work.ready_at:
            self._request(work)
        if work.stage == "generating" and work.generation is not None and work.generation.done():
            work.plan, work.stage = work.generation.result(), "ready"

    def _request(self, work: Work) -> None:
        if work.folder.project.exists():
            try:
                work.plan, work.stage = load_plan(work.folder.project), "ready"
                return
            except ConversionError:
                work.folder.forget_project()
        if self._source is None:
            self._source = self._make()
        work.folder.make()
        work.generation = self._source.submit(work.job, self._site.source, work.folder.project)
        work.stage = "generating"

    def cancel(self, work: Work) -> None:
        """Give up a project that nobody wants any more."""
        cancel = getattr(self._source, "cancel", None)
        if cancel is not None and work.generation is not None and not work.generation.done():
            cancel(work.generation)

    def close(self) -> None:
        """End the workers, if any were started."""
        if self._source is not None:
            self._source.close()
            self._source = None
