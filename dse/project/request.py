"""What goes to a worker process and back: plain JSON, so that nothing is ever unpickled.

A request names the network file, the layers, the choices and the target; an answer is a plan or an error by class and message.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dse.design import Job
from dse.errors import ConversionError, DiskFull, DseError, NetworkError, SpaceError, SpecError
from dse.wire import to_json

ERRORS: dict[str, type[DseError]] = {
    kind.__name__: kind for kind in (ConversionError, DiskFull, NetworkError, SpaceError, SpecError)
}


def encode_request(job: Job, source: Path, destination: Path, staging: Path, part: str) -> dict[str, Any]:
    """Return the request for one project: written in `staging`, then renamed to `destination`."""
    return {
        "job": to_json(job),
        "source": str(source),
        "destination": str(destination),
        "staging": str(staging),
        "part": part,
    }
