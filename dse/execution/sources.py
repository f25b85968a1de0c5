"""Where projects come from: the generator's worker processes, started when the first project is needed."""

from __future__ import annotations

from collections.abc import Callable

from dse.execution.settings import ToolOptions
from dse.execution.work import ProjectSource


def project_source(options: ToolOptions) -> Callable[[], ProjectSource]:
    """Return what makes the source of projects; `dse.project` is imported only then."""

    def make() -> ProjectSource:
        from dse.project import ProjectGenerator

        return ProjectGenerator(options.generators)

    return make
