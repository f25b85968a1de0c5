"""`dse nas run|status|front|deploy`: architecture search in front of the deployment search."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from dse.commands.output import clean, console, number, print_json
from dse.errors import DseError
from dse.loop import Signals
from dse.nas.deploy import Deployed, choose, deploy_one, read_deployed, table_row
from dse.nas.records import SPENT, Candidate, Outcome, front_of, volume_of
from dse.nas.spec import NasSpec, read_nas
from dse.store.fsops import write_atomically


def nas_run(path: Path, *, overrides: Iterable[str] = (), fresh: bool = False, as_json: bool = False, plain: bool = False) -> int:
    """Run an architecture search to its end (and deploy its front where the file says so); the same command resumes it."""
    _need_optuna()
    from dse.nas.search import run_search

    spec = read_nas(path, overrides)
    if fresh and spec.state.exists():
        spec.state.rename(spec.state.with_name(f"{spec.name}.{time.strftime('%Y%m%d-%H%M%S')}"))
    watcher = JsonLines() if as_json else Lines(spec, plain=plain)
    signals = Signals()
    before = [0]

    def opened(study: Any) -> None:
        before[0] = sum(candidate.outcome in SPENT for candidate in study.candidates)
        _greet(spec, study)

    with _signals(signals):
        candidates = run_search(spec, watchers=(watcher,), signals=signals, opened=opened)
        trained = sum(candidate.outcome in SPENT for candidate in candidates) - before[0]
        front = front_of(candidates, spec.goals)
        deployed = None
        if spec.deploy.when == "finished" and not _is_stopped(signals):
            deployed = _deploy(spec, front, signals, simulate=spec.deploy.simulate)
    write_page(spec, candidates, deployed)
    code = _exit_code(spec, candidates, signals)
    if as_json:
        _print_line({"event": "summary", **status_document(spec, candidates), "exit_code": code})
    else:
        print_front(spec, candidates)
        if deployed is not None:
            print_deployed(spec, deployed)
    err = console(stderr=True)
    err.print(f"{trained} new trainings in this session" if trained else "nothing to do: 0 new trainings")
    if code in (130, 143):
        err.print(f"interrupted; go on with: dse nas run {path}")
    return code


def nas_status(path: Path, *, as_json: bool = False) -> int:
    """Print all candidates and the front; reads only, so it works while the search runs and after a crash."""
    spec, candidates = _read(path)
    if as_json:
        print_json("nas_status", status_document(spec, candidates))
    else:
        print_candidates(spec, candidates)
        print_front(spec, candidates)
    return 0


def nas_front(path: Path, *, as_json: bool = False) -> int:
    """Print the Pareto front."""
    spec, candidates = _read(path)
    front = front_of(candidates, spec.goals)
    if as_json:
        document = {"search": spec.name, "objectives": _goal_names(spec), "front": [candidate_document(spec, c) for c in front]}
        print_json("nas_front", {**document, "hypervolume": volume_of(candidates, spec.goals)})
    else:
        print_front(spec, candidates)
    return 0 if front else 1


def nas_deploy(
    path: Path,
    *,
    overrides: Iterable[str] = (),
    simulate: bool = False,
    bundles: Path | None = None,
    as_json: bool = False,
) -> int:
    """Run a campaign for every network of the front, on the backend that `[deploy.backend]` names."""
    spec, candidates = _read(path, overrides)
    signals = Signals()
    with _signals(signals):
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
        err.print(clean(f"deployed {candidate.name} {candidate.architecture}: {_in_short(spec, one)}"))
        if simulate and one.incumbent is not None:
            from dse.nas.simulate import simulate as check

            answer = check(spec, one)
            said = answer.get("warning") or answer.get("problem")
            err.print(
                clean(
                    f"  warning: {said}"
                    if said
                    else f"  fixed point agrees: {answer['fixed_error']:.4g} against {answer['float_error']:.4g}"
                )
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


def _read(path: Path, overrides: Iterable[str] = ()) -> tuple[NasSpec, tuple[Candidate, ...]]:
    _need_optuna()
    from dse.nas.study import read_study

    spec = read_nas(path, overrides)
    candidates, _ = read_study(spec)
    return spec, candidates


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


def _greet(spec: NasSpec, study: Any) -> None:
    err, known = console(stderr=True), study.candidates
    if study.repaired:
        err.print(f"note: torn last lines ({study.repaired} bytes) were cut off the journals of {spec.state}")
    if known:
        lost = sum(candidate.outcome is Outcome.LOST for candidate in known)
        spent = sum(candidate.outcome in SPENT for candidate in known)
        err.print(f"{spec.name}: resuming, {spent} trainings done" + (f", {lost} lost in flight and asked again" if lost else ""))
    else:
        err.print(
            f"{spec.name}: new search, {len(spec.space.parameters)} parameters, {spec.search.sampler} sampler, {spec.search.workers} workers"
        )


def write_page(spec: NasSpec, candidates: tuple[Candidate, ...], deployed: tuple[Deployed, ...] | None) -> None:
    """Write the page beside the journals; a page that cannot be written stops nothing."""
    from dse.view.nas_page import nas_page

    if deployed is None:
        deployed = tuple(read_deployed(spec, candidate) for candidate in front_of(candidates, spec.goals))
    try:
        write_atomically(spec.state / "page.html", nas_page(spec, candidates, deployed).encode("utf-8"))
    except DseError as error:
        console(stderr=True).print(clean(f"warning: {error}"))


def _goal_names(spec: NasSpec) -> list[str]:
    return [goal.metric for goal in spec.goals]


def candidate_document(spec: NasSpec, candidate: Candidate) -> dict[str, Any]:
    """Return one candidate as JSON values; `error` is RMSE in the target's unit, or the share of wrong classes."""
    cost = candidate.cost or {}
    return {
        "number": candidate.number,
        "outcome": candidate.outcome.value,
        "architecture": None if candidate.architecture is None else candidate.architecture.to_json(),
        "summary": str(candidate.architecture) if candidate.architecture else None,
        "error": candidate.error,
        "test_error": candidate.test_error,
        "workload": cost.get("workload"),
        "device_cost": cost.get("device_cost"),
        "latency_ns": cost.get("latency_ns"),
        "least_latency_ns": cost.get("least_latency_ns"),
        "point": cost.get("point"),
        "qor": cost.get("qor"),
        "curve": list(candidate.curve),
        "reason": candidate.reason,
        "seconds": candidate.seconds,
        "ask_seconds": candidate.ask_seconds,
        "cost_seconds": candidate.cost_seconds,
        "network": str(spec.state / candidate.file) if candidate.file else None,
    }


def status_document(spec: NasSpec, candidates: tuple[Candidate, ...]) -> dict[str, Any]:
    """Return the document of `dse nas status --json`."""
    from dse.nas.study import read_study

    _, events = read_study(spec)
    stopped = [event["reason"] for event in events if event["event"] == "stopped"]
    front = front_of(candidates, spec.goals)
    return {
        "search": spec.name,
        "state": "finished" if stopped else "unfinished" if candidates else "new",
        "sampler": spec.search.sampler,
        "objectives": _goal_names(spec),
        "trainings": sum(candidate.outcome in SPENT for candidate in candidates),
        "counts": {outcome.value: sum(c.outcome is outcome for c in candidates) for outcome in Outcome},
        "trials": [candidate_document(spec, candidate) for candidate in candidates],
        "front": [candidate.number for candidate in front],
        "hypervolume": volume_of(candidates, spec.goals),
        "deployed": [table_row(spec, read_deployed(spec, candidate)) for candidate in front],
        "stop_reason": stopped[-1] if stopped else None,
        "seconds": round(sum(float(event.get("elapsed", 0.0)) for event in events), 3),
    }


def print_candidates(spec: NasSpec, candidates: tuple[Candidate, ...]) -> None:
    """Print a table of all candidates but the refused."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("", "#", "network", "error", "test", "workload", "device cost", "latency us", "epochs", "s", "ended"):
        table.add_column(name, justify="left" if name in ("", "network", "ended") else "right", overflow="fold")
    best = {candidate.number for candidate in front_of(candidates, spec.goals)}
    for candidate in candidates:
        if candidate.outcome is not Outcome.REFUSED:
            table.add_row("*" if candidate.number in best else " ", *_cells(candidate))
    console().print(table)
    refused = sum(candidate.outcome is Outcome.REFUSED for candidate in candidates)
    if refused:
        console().print(f"{refused} candidates were refused without a training: known already, or they cannot keep the limits")


def _cells(candidate: Candidate) -> list[str]:
    latency = (candidate.cost or {}).get("latency_ns")
    return [
        str(candidate.number),
        clean(str(candidate.architecture)),
        number(candidate.error, 4),
        number(candidate.test_error, 4),
        number(candidate.value("workload")),
        number(candidate.value("device_cost"), 4),
        number(None if latency is None else latency / 1000, 1),
        str(len(candidate.curve)),
        number(candidate.seconds, 1),
        candidate.outcome.value if candidate.outcome is not Outcome.TRAINED else clean(candidate.reason),
    ]


def print_front(spec: NasSpec, candidates: tuple[Candidate, ...]) -> None:
    """Print the Pareto front."""
    from rich.table import Table

    out = console()
    front = front_of(candidates, spec.goals)
    spent = sum(candidate.outcome in SPENT for candidate in candidates)
    volume = volume_of(candidates, spec.goals)
    words = f" · hypervolume {volume:.4f}" if volume is not None else ""
    out.print(f"{spec.name} · {' against '.join(_goal_names(spec))} · {spent} trainings · {len(front)} on the front{words}")
    if not front:
        return
    table = Table(box=None, pad_edge=False)
    for name in ("#", "network", "error", "test", "workload", "device cost", "latency us", "epochs", "s", "ended"):
        table.add_column(name, justify="left" if name in ("network", "ended") else "right", overflow="fold")
    for candidate in front:
        table.add_row(*_cells(candidate))
    out.print(table)
    out.print(
        f"device cost and latency: allocation over the {'estimate' if spec.cost.tables == 'estimate' else 'surrogate'}, not verified by synthesis"
    )


def print_deployed(spec: NasSpec, deployed: tuple[Deployed, ...]) -> None:
    """Print the deployed networks as N-TORC's Table III does."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("#", "network", "error", "fixed", "workload", "LUT", "DSP", "BRAM", "latency us", "reuse factors", "by"):
        table.add_column(name, justify="left" if name in ("network", "reuse factors", "by") else "right", overflow="fold")
    for one in deployed:
        row = table_row(spec, one)
        fixed = (row["simulation"] or {}).get("fixed_error")
        numbers = [number(row[key]) for key in ("workload", "lut", "dsp", "bram_18k")]
        factors = (
            " ".join(map(str, row["reuse_factors"])) if row["reuse_factors"] else clean(one.problem or "no design keeps the limits")
        )
        cells = [str(row["trial"]), clean(row["architecture"]), number(row["error"], 4), number(fixed, 4), *numbers]
        table.add_row(*cells, number(row["latency_us"], 1), factors, row["fidelity"] or "-")
    out = console()
    out.print(f"{len(deployed)} networks deployed")
    out.print(table)


class JsonLines:
    """One JSON event a line on stdout."""

    def asked(self, candidate: Candidate) -> None:
        _print_line(
            {"event": "asked", "number": candidate.number, "architecture": str(candidate.architecture), "cost": candidate.cost}
        )

    def epoch(self, number: int, curve: tuple[float, ...]) -> None:
        _print_line({"event": "epoch", "number": number, "epoch": len(curve), "error": curve[-1]})

    def finished(self, candidate: Candidate, candidates: tuple[Candidate, ...]) -> None:
        facts = {"error": candidate.error, "test_error": candidate.test_error, "reason": candidate.reason}
        _print_line({"event": "finished", "number": candidate.number, "outcome": candidate.outcome.value, **facts})

    def stopped(self, reason: str) -> None:
        _print_line({"event": "stopped", "reason": reason})


def _print_line(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"schema": "dse.nas_run/1", **document}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


_BARS = "▁▂▃▄▅▆▇█"


def sparkline(curve: tuple[float, ...], width: int = 16) -> str:
    """Return a curve as little bars, the last `width` epochs.

    >>> sparkline((4.0, 2.0, 1.0))
    '█▃▁'
    """
    last = curve[-width:]
    low, high = min(last, default=0.0), max(last, default=0.0)
    return "".join(_BARS[int((value - low) / (high - low) * 7) if high > low else 0] for value in last)


class Lines:
    """One line per change, and on a terminal one more with the trainings under way."""

    def __init__(self, spec: NasSpec, *, plain: bool = False) -> None:
        self._spec, self._out = spec, console(plain=plain)
        self._is_live = sys.stdout.isatty() and not plain
        self._curves: dict[int, tuple[float, ...]] = {}
        self._write_page_at = 0.0

    def asked(self, candidate: Candidate) -> None:
        cost = candidate.cost or {}
        self._print(
            f"#{candidate.number} training {candidate.architecture}: {number(cost.get('workload'))} multiplications,"
            f" device cost {number(cost.get('device_cost'), 4)} ({1000 * candidate.cost_seconds:.0f} ms)"
        )

    def epoch(self, number: int, curve: tuple[float, ...]) -> None:
        self._curves[number] = curve
        if self._is_live:
            parts = [f"#{n} {sparkline(c)} {c[-1]:.4g} epoch {len(c)}" for n, c in self._curves.items()]
            sys.stdout.write("\r\x1b[2K" + "   ".join(parts)[:150])
            sys.stdout.flush()

    def finished(self, candidate: Candidate, candidates: tuple[Candidate, ...]) -> None:
        self._curves.pop(candidate.number, None)
        best = front_of(candidates, self._spec.goals)
        mark = "*" if candidate.number in {other.number for other in best} else " "
        end = "" if candidate.error is None else f" error {candidate.error:.4g}"
        trail = f" {sparkline(candidate.curve)} {len(candidate.curve)} epochs, {number(candidate.seconds, 1)} s, {candidate.reason}"
        self._print(f"#{candidate.number}{mark} {candidate.outcome.value}{end}{trail}; front of {len(best)}")
        if time.monotonic() > self._write_page_at:
            write_page(self._spec, candidates, ())
            self._write_page_at = time.monotonic() + 20

    def stopped(self, reason: str) -> None:
        self._print(f"stopped: {reason}")

    def _print(self, text: str) -> None:
        if self._is_live:
            sys.stdout.write("\r\x1b[2K")
        self._out.print(clean(text))


@contextmanager
def _signals(signals: Signals) -> Iterator[None]:
    """Ctrl-C once lets running trainings end, twice gives them up; TERM and HUP leave at once. Handlers only set flags."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signals.cancel = signals.stop
        signals.stop = True
        text = (
            "leaving; trainings in flight are asked again"
            if signals.cancel
            else "stopping after the running trainings; Ctrl-C again leaves"
        )
        sys.stderr.write(f"\n{text}\n")

    def detach(_number: int, _frame: FrameType | None) -> None:
        signals.detach = True

    handlers = {signal.SIGINT: interrupt, signal.SIGTERM: detach, signal.SIGHUP: detach}
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
