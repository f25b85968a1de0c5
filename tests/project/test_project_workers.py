"""Worker processes that die, hang, talk nonsense or are abandoned; the worker here is a small script, so no hls4ml is needed."""

from __future__ import annotations

import json
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dse.design import Job
from dse.errors import ConversionError, NetworkError
from dse.project import ProjectGenerator
from dse.workers import Limits

MakeJob = Callable[..., Job]

# A stand-in for the interpreter: it is started as the worker would be, and answers by the name of the destination.
_WORKER = """#!{python}
import json, os, pathlib, sys, time
sys.path.insert(0, {root!r})
starts = pathlib.Path({starts!r})
starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
pathlib.Path({seen!r}).write_text(json.dumps(dict(os.environ)))
if {slow_start}:
    time.sleep(600)
print(json.dumps({{"ready": True}}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    name = pathlib.Path(request["destination"]).name
    if name.startswith("die_once") and len(starts.read_text()) == 1 or name.startswith("die_always"):
        pathlib.Path(request["staging"]).mkdir()
        print("a last word", file=sys.stderr, flush=True)
        os.kill(os.getpid(), 9)
    if name.startswith("hang"):
        time.sleep(600)
    if name.startswith("noise"):
        print("no JSON \\x00 at all", "[1, 2]", sep="\\n", flush=True)
    if name.startswith("flood"):
        print("x" * (17 << 20), flush=True)
    if name.startswith("refuse"):
        print(json.dumps({{"error": "NetworkError", "message": "layer a: no"}}), flush=True)
        continue
    from dse.project.plan import ProjectPlan, content_digest
    staging = pathlib.Path(request["staging"])
    staging.mkdir()
    (staging / "project.tcl").write_text("x")
    ProjectPlan(staging, content_digest(staging), "myproject", (), "1.3.0").save()
    staging.rename(request["destination"])
    print(json.dumps({{"done": True}}), flush=True)
"""


class Bench:
    """A generator with the scripted worker."""

    def __init__(self, folder: Path, source: Path, job: Job, *, slow_start: bool = False, limits: Limits = Limits()):  # noqa: B008
        self.folder, self.source, self.job = folder, source, job
        self.starts_file, self.seen_file = folder / "starts", folder / "seen"
        script = folder / "python"
        root = str(Path(__file__).resolve().parents[2])
        names = {"python": sys.executable, "root": root, "starts": str(self.starts_file), "seen": str(self.seen_file)}
        script.write_text(_WORKER.format(**names, slow_start=slow_start))
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        self.generator = ProjectGenerator(1, python=script, limits=limits)

    def submit(self, name: str):  # type: ignore[no-untyped-def]
        return self.generator.submit(self.job, self.source, self.folder / name)

    @property
    def process_ids(self) -> tuple[int, ...]:
        return tuple(worker.pid for worker in self.generator._workers if worker.pid is not None)

    @property
    def starts(self) -> int:
        return len(self.starts_file.read_text())


@pytest.fixture
def bench(tmp_path: Path, network_file: Callable[[str], Path], make_job: MakeJob):  # type: ignore[no-untyped-def]
    source = network_file("mlp")
    made: list[Bench] = []

    def make(**options) -> Bench:  # type: ignore[no-untyped-def]
        made.append(Bench(tmp_path, source, make_job(source), **options))
        return made[-1]

    yield make
    for each in made:
        each.generator.close()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_many_requests_one_warm_worker(bench: Callable[..., Bench]) -> None:
    it = bench()
    plans = [it.submit(f"good_{i}") for i in range(5)]
    assert {plan.result(30).directory.name for plan in plans} == {f"good_{i}" for i in range(5)}
    assert it.starts == 1


def test_submit_and_done_do_not_wait(bench: Callable[..., Bench]) -> None:
    it = bench(slow_start=True)
    generation = it.submit("good")
    assert not generation.done()
    with pytest.raises(TimeoutError, match="no project after"):
        generation.result(0.05)


def test_dead_worker_is_replaced_and_its_leftovers_removed(bench: Callable[..., Bench]) -> None:
    it = bench()
    plan = it.submit("die_once").result(30)
    assert plan.directory.name == "die_once"
    assert it.starts == 2
    assert not list(it.folder.glob("*.tmp-*"))


def test_worker_that_always_dies_is_an_error_with_its_last_words(bench: Callable[..., Bench]) -> None:
    it = bench()
    generation = it.submit("die_always")
    with pytest.raises(ConversionError, match=r"ended by signal 9.*a last word"):
        generation.result(30)
    assert it.starts == 2
    assert not list(it.folder.glob("*.tmp-*"))
    assert it.submit("good").result(30).top == "myproject"


def test_late_worker_is_ended(bench: Callable[..., Bench]) -> None:
    it = bench(limits=Limits(seconds=0.5))
    generation = it.submit("hang")
    assert wait_for(lambda: generation.done() or it.starts_file.exists())
    with pytest.raises(ConversionError, match=r"no answer within 0\.5 s. Try"):
        generation.result(30)
    assert it.process_ids == ()
    assert it.submit("good").result(30).top == "myproject"


def test_worker_that_does_not_start_is_ended(bench: Callable[..., Bench]) -> None:
    it = bench(slow_start=True, limits=Limits(start_seconds=0.5))
    with pytest.raises(ConversionError, match=r"not ready within 0\.5 s"):
        it.submit("good").result(30)


def test_noise_between_answers_is_skipped(bench: Callable[..., Bench]) -> None:
    assert bench().submit("noise").result(30).top == "myproject"


def test_flood_is_cut_off(bench: Callable[..., Bench]) -> None:
    with pytest.raises(ConversionError, match="overlong answer"):
        bench().submit("flood").result(60)


def test_errors_keep_their_class(bench: Callable[..., Bench]) -> None:
    with pytest.raises(NetworkError, match="layer a: no"):
        bench().submit("refuse").result(30)


def test_used_directory_is_refused(bench: Callable[..., Bench]) -> None:
    it = bench()
    (it.folder / "used").mkdir()
    with pytest.raises(ConversionError, match="exists already"):
        it.submit("used")


def test_refused_network_never_reaches_a_worker(bench: Callable[..., Bench], tmp_path: Path) -> None:
    it = bench()
    source = tmp_path / "bad.json"
    layers = [{"class_name": "Lambda", "config": {"name": "evil", "function": ["x"]}}]
    source.write_text(json.dumps({"class_name": "Sequential", "config": {"name": "net", "layers": layers}}))
    with pytest.raises(NetworkError, match="Lambda"):
        it.generator.submit(it.job, source, tmp_path / "project")
    assert it.process_ids == ()


def test_cancelled_requests_stop(bench: Callable[..., Bench]) -> None:
    it = bench()
    hanging, queued = it.submit("hang"), it.submit("good")
    assert wait_for(lambda: not it.generator.poll() and bool(it.process_ids))
    (worker,) = it.process_ids
    it.generator.cancel(hanging)
    with pytest.raises(ConversionError, match="cancelled"):
        hanging.result(1)
    assert not is_alive(worker)
    assert queued.result(30).top == "myproject"


def test_close_ends_workers_and_their_scratch(bench: Callable[..., Bench]) -> None:
    it = bench()
    it.submit("good").result(30)
    (worker,) = it.process_ids
    home = Path(json.loads(it.seen_file.read_text())["HOME"])
    assert home.is_dir()
    it.generator.close()
    assert not is_alive(worker)
    assert not home.exists()


def test_library_that_does_not_load_is_a_sentence(network_file: Callable[[str], Path], make_job: MakeJob, tmp_path: Path) -> None:
    """Too little memory to load anything: an error in words, no stack trace, no hang."""
    source = network_file("mlp")
    with ProjectGenerator(1, limits=Limits(memory_bytes=200 << 20)) as generator:
        generation = generator.submit(make_job(source), source, tmp_path / "project")
        with pytest.raises(ConversionError, match="project generator: ") as caught:
            generation.result(120)
    assert "Traceback" not in str(caught.value)
