"""`dse import`: recorded builds into a corpus. Report trees (one, many, or an archive of them), or tables of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from dse.commands.options import AsJson
from dse.commands.output import console, print_json
from dse.corpus import read_corpus, write_records
from dse.errors import CorpusError, ReportError
from dse.qor import DesignRecord, LayerRecord
from dse.reports.archives import open_files
from dse.reports.file_sets import FileSet
from dse.reports.locate import find_projects
from dse.reports.recorded import Recorded, records_of
from dse.reports.surroundings import with_surroundings
from dse.reports.tree import TreeReport, read_files

FILE_NAME = "reports.jsonl"


@dataclass(frozen=True, slots=True)
class Build:
    """One build that was found: its tree, what is recorded of it, and the digest of its top's report."""

    root: str
    tree: TreeReport
    recorded: Recorded
    report_digest: str
    sources_digest: str


def import_reports(
    path: Annotated[Path, typer.Argument(help="report trees (one, a folder of many, an archive) or the N-TORC tables")],
    to: Annotated[Path, typer.Option("--to", metavar="CORPUS", help="a folder or .jsonl file; added to, never replaced")],
    *,
    as_json: AsJson = False,
) -> int:
    """Read what was recorded at `path` and add it to the corpus `to` (a folder, or a .jsonl file).

    Returns:
        0, also if all of it was known already.

    Raises:
        ReportError: there is nothing at `path` that can be read.
        CorpusError: nothing of it can be recorded, or `to` cannot be written.
    """
    files = with_surroundings(path, open_files(path))
    projects = find_projects(files)
    networks: dict[str, str] = {}
    if projects:
        builds, notes = read_builds(files)
        layers = [record for build in builds for record in build.recorded.layers]
        designs = [record for build in builds for record in build.recorded.designs]
        notes += [note for build in builds for note in build.recorded.notes]
        networks = {design.network_digest: build.recorded.network_toml for build in builds for design in build.recorded.designs}
    else:
        corpus = read_corpus(path)
        layers, designs, notes = list(corpus.layers), list(corpus.designs), list(corpus.notes)
    records: Sequence[LayerRecord | DesignRecord] = [*designs, *layers]
    if not records:
        why = "; ".join(notes[:5]) or "nothing is recorded there"
        raise CorpusError(f"{path}: nothing to import. {why}")
    target = to if to.suffix == ".jsonl" else to / FILE_NAME
    n_new = write_records(target, records)
    written = [_write_network(target.parent, digest, text) for digest, text in networks.items()]
    document = {
        "to": str(target),
        "networks": written,
        "builds": len(projects),
        "designs": len(designs),
        "layers": len(layers),
        "new": n_new,
        "notes": notes,
    }
    if as_json:
        print_json("import", document)
    else:
        out = console()
        out.print(f"{len(designs)} designs and {len(layers)} layers from {len(projects) or 'tables'}, {n_new} new, in {target}")
        for name in written:
            out.print(f"network of these designs, for a campaign: {name}")
        for note in notes:
            out.print(f"note: {note}", style="yellow")
    return 0


def _write_network(folder: Path, digest: str, text: str) -> str:
    """Write the network that recorded designs belong to: replay serves them to a campaign that names this file."""
    path = folder / f"network_{digest[:12]}.toml"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CorpusError(f"{path}: cannot be written ({error.strerror})") from error
    return str(path)


def read_builds(files: FileSet) -> tuple[list[Build], list[str]]:
    """Read every build among the files; one that cannot be read, or cannot be believed, is left out with a note."""
    builds: list[Build] = []
    notes: list[str] = []
    for project in find_projects(files):
        name = project.name
        try:
            tree = read_files(files, project)
        except ReportError as error:
            notes.append(f"{name}: left out, {error}")
            continue
        sources = dict(tree.sources)
        report = next((digest for file, digest in tree.sources if "csynth" in file), "")
        recorded = records_of(tree, _source(tree, name, report))
        notes += [f"{name}: {warning}" for warning in tree.warnings]
        builds.append(Build(name, tree, recorded, report, sources.get(project.parameters or "", "")))
    return _believable(builds, notes), notes


def _source(tree: TreeReport, name: str, digest: str) -> str:
    words = [name, tree.csynth.toolchain, tree.csynth.date, f"report {digest[:12]}" if digest else ""]
    return " · ".join(word for word in words if word)


def _believable(builds: list[Build], notes: list[str]) -> list[Build]:
    """Leave out builds with one report but different sources: at least one of them is stale, and nobody can say which."""
    kept = []
    for build in builds:
        twins = [
            other for other in builds if other.report_digest == build.report_digest and other.sources_digest != build.sources_digest
        ]
        if build.report_digest and twins:
            names = ", ".join(sorted(other.root for other in twins)[:3])
            notes.append(f"{build.root}: left out, its report is byte for byte that of {names}, which was built from other sources")
        else:
            kept.append(build)
    return kept
