"""`dse nas run|status|front|deploy`: architecture search in front of the deployment search."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from dse.commands.interrupts import heard
from dse.commands.nas_report import candidate_document, goal_names, print_candidates, print_deployed, print_front, status_document
from dse.commands.nas_watch import CANCELLING, STOPPING, JsonLines, print_line
from dse.commands.options import AsJson, Overrides, Trust
from dse.commands.output import console, number, print_json, tell_differences
from dse.commands.trust import agree_to_commands
from dse.consent import Command
from dse.errors import DseError
from dse.nas.deploy import Deployed, choose, commands, deploy_one, read_deployed, table_row
from dse.nas.records import SPENT, Candidate, front_of, volume_of
from dse.nas.session import candidates_of, least_wrong, open_search, read_question, read_search
from dse.nas.spec import NasSpec, read_nas
from dse.store.fsops import write_atomically
from dse.study.loop import Campaign, Signals, run
from dse.study.session import session
from dse.view.nas_live import NasLive, NasWatch
from dse.view.notify import Notifier

SearchFile = Annotated[Path, typer.Argument(metavar="SEARCH.toml", help="the architecture search's file")]


def nas_run(
    path: SearchFile,
    *,
    overrides: Overrides = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="start again; the old state is kept aside")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="stream one JSON event a line")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="no live board, no color")] = False,
    yes: Annotated[
        bool, typer.Option("-y", "--yes", help="ask nothing; what the file names to be run still needs --trust")
    ] = False,
    trust: Trust = False,
) -> int:
    """Run an architecture search to its end (and deploy its front where the file says so); the same command resumes it."""
    _need_optuna()
    spec = read_nas(path, overrides or ())
    told = (Command("notify.command", spec.notify.command),) if spec.notify.command else ()
    later = commands(spec) if spec.deploy.when == "finished" else ()  # asked now, not after hours of training
    agree_to_commands(path, (*told, *later), is_trusted=trust, overrides=overrides or (), may_ask=not yes)

    def page(candidates: tuple[Candidate, ...]) -> None:
        write_page(spec, candidates, (), is_running=True)

    live = NasLive(spec, console(plain=plain), page, plain=plain)
    watcher = JsonLines(spec) if as_json else live
    notifier = Notifier(spec, least_wrong) if spec.notify.command else None
    campaign = open_search(spec, watchers=(watcher, notifier) if notifier else (watcher,), fresh=fresh)
    signals = live.signals = campaign.signals
    with heard(signals, stopping=STOPPING, cancelling=CANCELLING):
        with session(campaign):
            known = candidates_of(spec, campaign.state)
            _greet(spec, campaign, known)  # a board would be written over
            if watcher is live:
                live.opened(known, campaign.state.active_seconds)
            with notifier or nullcontext(), watcher:
                candidates = candidates_of(spec, run(campaign))
        deployed = None
        if spec.deploy.when == "finished" and not _is_stopped(signals):
            deployed = _deploy(spec, front_of(candidates, spec.goals), signals, simulate=spec.deploy.simulate)
    write_page(spec, candidates, deployed)
    code = _exit_code(spec, candidates, signals)
    _tell_result(spec, candidates, deployed, code, as_json=as_json)
    _tell_end(path, (*live.warnings, *(notifier.warnings if notifier else ())), _spent(candidates) - _spent(known), code)
    return code


def _spent(candidates: tuple[Candidate, ...]) -> int:
    return sum(candidate.outcome in SPENT for candidate in candidates)


def _tell_result(
    spec: NasSpec, candidates: tuple[Candidate, ...], deployed: tuple[Deployed, ...] | None, code: int, *, as_json: bool
) -> None:
    if as_json:
        print_line({"event": "summary", **status_document(spec, candidates), "exit_code": code})
        return
    print_front(spec, candidates)
    if deployed is not None:
        print_deployed(spec, deployed)


def _tell_end(path: Path, warnings: Iterable[str], trained: int, code: int) -> None:
    err, is_interrupted = console(stderr=True), code in (130, 143)
    for warning in warnings:
        err.print(f"warning: {warning}")
    err.print(f"{trained} new trainings in this session" if trained or is_interrupted else "nothing to do: 0 new trainings")
    if is_interrupted:
        err.print(f"interrupted; go on with: dse run {path}")


def nas_status(
    path: SearchFile,
    *,
    as_json: AsJson = False,
    watch: Annotated[bool, typer.Option("--watch", help="show the board of the running search until it stops")] = False,
) -> int:
    """Print all candidates and the front; reads only, so it works while the search runs and after a crash.

    Args:
        watch: on a terminal, first show the board until the search stops or the user leaves.
    """
    spec, candidates = read_for_commands(path)
    if watch and not as_json and (screen := console()).is_terminal:
        NasWatch(spec, screen).follow()
        spec, candidates = read_for_commands(path)
    if as_json:
        print_json("nas_status", status_document(spec, candidates))
    else:
        print_candidates(spec, candidates)
        print_front(spec, candidates)
    return 0


def nas_front(path: SearchFile, *, as_json: AsJson = False) -> int:
    """Print the Pareto front."""
    spec, candidates = read_for_commands(path)
    front = front_of(candidates, spec.goals)
    if as_json:
        document = {"search": spec.name, "objectives": goal_names(spec), "front": [candidate_document(spec, c) for c in front]}
        print_json("nas_front", {**document, "hypervolume": volume_of(candidates, spec.goals)})
    else:
        print_front(spec, candidates)
    return 0 if front else 1


def nas_deploy(
    path: SearchFile,
    *,
    overrides: Overrides = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="check bit by bit with hls4ml's C simulation; minutes each")] = False,
    bundles: Annotated[Path | None, typer.Option("--bundles", metavar="DIR", help="write a bundle of each design there")] = None,
    as_json: AsJson = False,
    trust: Trust = False,
) -> int:
    """Run a campaign for every network of the front, on the backend that `[deploy.backend]` names."""
    spec, candidates = read_for_commands(path, overrides or ())
    agree_to_commands(path, commands(spec), is_trusted=trust)
    signals = Signals()
    with heard(signals, stopping=STOPPING, cancelling=CANCELLING):
        deployed = _deploy(spec, front_of(candidates, spec.goals), signals, simulate=simulate or spec.deploy.simulate)
    write_page(spec, candidates, deployed)
    written = _write_bundles(deployed, bundles) if bundles else ()
    if as_json:
        rows = [table_row(spec, one) for one in deployed]
        print_json("nas_deploy", {"search": spec.name, "error": spec.goals[0].metric, "deployed": rows, "bundles": list(written)})
    else:
        print_deployed(spec, deployed)
        for folder in written:
            console().print(f"bundle: {folder}")
    if _is_stopped(signals):
        return 143 if signals.detach else 130
    return 0 if any(one.incumbent for one in deployed) else 1


def _deploy(spec: NasSpec, front: tuple[Candidate, ...], signals: Signals, *, simulate: bool) -> tuple[Deployed, ...]:
    found = []
    err = console(stderr=True)
    for candidate in choose(front, spec.deploy.networks):
        if _is_stopped(signals):
            break
        one = deploy_one(spec, candidate, signals=signals)
        err.print(f"deployed {candidate.name} {candidate.architecture}: {_in_short(spec, one)}")
        if simulate and one.incumbent is not None:
            from dse.nas.simulate import simulate as check

            answer = check(spec, one)
            said = answer.get("warning") or answer.get("problem")
            err.print(
                f"  warning: {said}"
                if said
                else f"  fixed point agrees: {answer['fixed_error']:.4g} against {answer['float_error']:.4g}"
            )
            one = read_deployed(spec, candidate)
        found.append(one)
    return tuple(found)


def _in_short(spec: NasSpec, one: Deployed) -> str:
    if one.incumbent is None:
        return one.problem or "no design keeps the limits"
    row = table_row(spec, one)
    used = f"{number(row['latency_us'], 1)} us, LUT {number(row['lut'])}, DSP {number(row['dsp'])}"
    return f"{used}, reuse factors {one.incumbent.point} ({one.fidelity})"


def _write_bundles(deployed: Iterable[Deployed], folder: Path) -> tuple[str, ...]:
    from dse.bundle import write_bundle

    made = []
    for one in deployed:
        if one.incumbent is not None and one.question is not None and one.state is not None:
            made.append(str(write_bundle(one.question, one.state, folder / one.candidate.name).folder))
    return tuple(made)


def read_for_commands(path: Path, overrides: Iterable[str] = ()) -> tuple[NasSpec, tuple[Candidate, ...]]:
    """Return the question that a search's journal records, and its candidates; where the file differs, say so."""
    spec, differences = read_question(path, overrides)
    tell_differences(path, differences)
    return spec, candidates_of(spec, read_search(spec)[0])


def _need_optuna() -> None:
    import importlib.util

    missing = [name for name in ("optuna", "keras") if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtra(f'dse nas: {" and ".join(missing)} not installed. Install them: pip install "dse[nas]".')


class MissingExtra(DseError):
    """The extra `nas` is not installed."""

    exit_code = 3


def _exit_code(spec: NasSpec, candidates: tuple[Candidate, ...], signals: Signals) -> int:
    if signals.detach:
        return 143
    if signals.stop or signals.cancel:
        return 130
    return 0 if front_of(candidates, spec.goals) else 1


def _is_stopped(signals: Signals) -> bool:
    return signals.stop or signals.cancel or signals.detach


def _greet(spec: NasSpec, campaign: Campaign, known: tuple[Candidate, ...]) -> None:
    err, state = console(stderr=True), campaign.state
    if campaign.journal.repaired:
        err.print(f"note: the last line of {campaign.journal.path} was torn ({campaign.journal.repaired} bytes) and was cut off")
    if state.stop:
        err.print(f"{spec.name}: finished before ({state.stop[1]})")
    elif known:
        again = f", {len(state.pending)} to take up again" if state.pending else ""
        err.print(f"{spec.name}: resuming, {_spent(known)} trainings done{again}")
    else:
        parameters, search = len(spec.space.parameters), spec.search
        err.print(f"{spec.name}: new search, {parameters} parameters, {search.sampler} sampler, {search.workers} workers")


def write_page(
    spec: NasSpec,
    candidates: tuple[Candidate, ...],
    deployed: tuple[Deployed, ...] | None,
    *,
    is_running: bool = False,
    output: Path | None = None,
) -> None:
    """Write the page beside the journal; a page that cannot be written stops nothing."""
    from dse.view.nas_page import nas_page

    if deployed is None:
        deployed = tuple(read_deployed(spec, candidate) for candidate in front_of(candidates, spec.goals))
    output = output or spec.state / "page.html"
    try:
        write_atomically(output, nas_page(spec, candidates, deployed, is_running=is_running).encode("utf-8"))
    except Exception as error:  # a page is never worth a search
        told = f"{output}: the page could not be written: {type(error).__name__}: {error}"
        console(stderr=True).print(f"warning: {told}")
