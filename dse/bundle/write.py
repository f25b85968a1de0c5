"""From a finished trial to a bundle on disk; hls4ml converts the design once, so that what is handed over is known to build."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dse.bundle.contents import Design, text_files
from dse.bundle.verify import sources_digest
from dse.errors import InfeasibleError, SpecError
from dse.networks import read_network
from dse.numerics import Numerics
from dse.project import ProjectGenerator
from dse.project.plan import CONFIGURATION_FILE, MODEL_FILE
from dse.qor import Failure
from dse.search.base import Trial
from dse.store.fsops import place_directory
from dse.study.assemble import Question
from dse.study.fold import CampaignState
from dse.study.numbers import check_question, is_wanted
from dse.summary import summarise

CONVERSION_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was written: where, which trial, which files, and which limits the design breaks."""

    folder: Path
    trial: Trial
    files: tuple[str, ...]
    sources_digest: str
    broken: tuple[str, ...]
    numerics: Numerics | None


def write_bundle(
    question: Question, state: CampaignState, folder: Path, number: int | None = None, *, check_numerics: bool = True
) -> Bundle:
    """Write the bundle of a trial (the incumbent unless a number is given) to a folder that is new or empty.

    Raises:
        InfeasibleError: there is no incumbent yet.
        SpecError: no such trial, one without a result, or the folder holds something.
        ConversionError: hls4ml is not installed, does not build the design, or builds another circuit than the network.
    """
    trial = _trial(question, state, number)
    _refuse_used(folder)
    _refuse_other_network(question)
    spec = question.spec
    job = question.job(trial.point)
    with tempfile.TemporaryDirectory(prefix="dse-bundle-") as scratch, ProjectGenerator(1, allow_code=spec.allow_code) as generator:
        project = Path(scratch) / "project"
        plan = generator.submit(job, spec.source, project, keep_model=True).result(CONVERSION_SECONDS)
        network_file = f"network{spec.source.suffix.lower()}"
        design = Design(
            question,
            trial,
            dict(state.evaluations)[trial.number],
            plan,
            json.loads((project / CONFIGURATION_FILE).read_text(encoding="utf-8")),
            network_file,
            sources_digest(project),
            check_question(question, trial.point) if is_wanted(check_numerics) else None,
        )
        files = {
            **text_files(design),
            network_file: spec.source.read_bytes(),
            "model.keras": (project / MODEL_FILE).read_bytes(),
        }
    if not place_directory(folder, files):
        _refuse_used(folder)
    folder.chmod(0o755)
    (folder / "build.sh").chmod(0o755)
    return Bundle(folder, trial, tuple(sorted(files)), design.sources_digest, broken_limits(question, trial), design.numerics)


def _trial(question: Question, state: CampaignState, number: int | None) -> Trial:
    spec = question.spec
    if number is None:
        incumbent = summarise(question, state).incumbent
        if incumbent is None:
            raise InfeasibleError(
                f"{spec.path}: nothing to bundle: no design measured so far keeps the limits. Run it: dse run {spec.path}"
            )
        return incumbent
    if not 1 <= number <= len(state.trials):
        raise SpecError(f"{spec.path}: got trial {number}, expected 1 to {len(state.trials)}. See them: dse status {spec.path}")
    trial = state.trials[number - 1]
    if trial.qor is None:
        what = f"failed ({trial.outcome.kind.value})" if isinstance(trial.outcome, Failure) else "is not finished"
        raise SpecError(f"{spec.path}: trial {number} {what}, so there is nothing to expect of it. Choose another one.")
    return trial


def _refuse_other_network(question: Question) -> None:
    """The design is built from the network's file, so that has to be the network that was evaluated."""
    spec = question.spec
    if read_network(spec.source, allow_code=spec.allow_code).digest != spec.network.digest:
        raise SpecError(
            f"{spec.source}: is another network than the one that was evaluated; nothing was written. Restore the file."
        )


def broken_limits(question: Question, trial: Trial) -> tuple[str, ...]:
    """Return one text for each limit that a measured trial breaks."""
    return tuple(
        f"{one.metric} is {'unknown' if one.value is None else f'{one.value:,.6g}'}, the limit is {one.maximum:,.6g}"
        for one in (question.goal.violations(trial.qor) if trial.qor else ())
    )


def _refuse_used(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise SpecError(f"{folder}: exists and is not an empty folder; nothing was written. Name a new one with -o.")
