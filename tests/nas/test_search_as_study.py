"""An architecture search under the names of every study: run, check, plan, status, front, page, export, logs, cancel."""

from __future__ import annotations

import csv
import io
import json
import sys
from functools import partial

import pytest

pytest.importorskip("optuna")
pytest.importorskip("keras")

from nas.nas_cases import arithmetic, small_search, write_search

from dse.cli import command_line
from dse.commands import nas as command
from dse.errors import SpecChanged, SpecError
from dse.nas.session import open_search, read_search, run_search
from dse.study.session import session


@pytest.fixture
def dse(capsys):
    """Call `dse` in this process; return exit code, standard output and standard error."""

    def call(*arguments):
        code = command_line()([str(a) for a in arguments], prog_name="dse", standalone_mode=False)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


def test_one_set_of_commands(tmp_path, dse, monkeypatch):
    path = write_search(tmp_path, trials=3)
    monkeypatch.setattr(command, "open_search", partial(open_search, train=arithmetic))
    assert dse("check", path)[0] == 0
    code, out, _ = dse("plan", path, "--json")
    plan = json.loads(out)
    assert (code, plan["trainings"], plan["trainings_at_most"], len(plan["next"])) == (0, 0, 3, 1)
    assert dse("run", path, "--plain")[0] == 0
    state, _ = read_search(small_search(tmp_path, trials=3))
    assert str(state.trials[0].point) == plan["next"][0]["network"]
    status = json.loads(dse("status", path, "--json")[1])
    assert (status["schema"], status["state"], status["trainings"]) == ("dse.nas_status/1", "finished", 3)
    front = json.loads(dse("front", path, "--json")[1])
    assert [row["number"] for row in front["front"]] == status["front"]
    rows = list(csv.DictReader(io.StringIO(dse("export", path)[1])))
    assert [int(row["number"]) for row in rows] == [1, 2, 3]
    assert {row["number"] for row in rows if row["on_front"] == "true"} == {str(number) for number in status["front"]}
    assert dse("page", path, "-o", tmp_path / "out.html")[0] == 0
    assert "</html>" in (tmp_path / "out.html").read_text()
    assert "finished before" in dse("run", path, "--plain")[2]
    assert "stopped" in dse("plan", path)[1]
    assert dse("cancel", path)[1] == "nothing runs\n"


def test_it_calls_who_wants_to_know(tmp_path, dse, monkeypatch):
    path = write_search(tmp_path, trials=3)
    script, told = tmp_path / "told.py", tmp_path / "told"
    script.write_text(
        "import os, sys\nopen(sys.argv[1], 'a').write(os.environ['DSE_EVENT'] + os.environ['DSE_BEST_NETWORK'] + '\\n')\n"
    )
    command_words = json.dumps([sys.executable, str(script), str(told)])
    path.write_text(path.read_text() + f"[notify]\non = ['done']\ncommand = {command_words}\n")
    monkeypatch.setattr(command, "open_search", partial(open_search, train=arithmetic))
    with pytest.raises(SpecError, match="you did not agree to"):
        dse("run", path, "--plain")
    assert dse("run", path, "--plain", "--trust")[0] == 0
    best = min(read_search(small_search(tmp_path, trials=3))[0].finished, key=lambda trial: trial.outcome.error)
    assert told.read_text() == f"done{best.point}\n"


def test_reading_answers_what_was_asked(tmp_path, dse):
    path = write_search(tmp_path, trials=2)
    run_search(small_search(tmp_path, trials=2), train=arithmetic)
    before = dse("front", path, "--json")[1]
    write_search(tmp_path, trials=2, limit=1000)
    code, out, err = dse("front", path, "--json")
    assert (code, out) == (0, before)
    assert "limit.latency_ns_max: 200000.0 -> 1000.0" in err
    with pytest.raises(SpecChanged):
        dse("check", path)
    path.write_text("[nas")
    assert dse("front", path, "--json")[1] == before
    assert dse("status", path)[0] == 0


def test_a_folder_of_the_users_own_is_left_alone(tmp_path, dse):
    path = write_search(tmp_path)
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "runs.csv").write_text("1,2")
    for words in (("check",), ("run", "--plain"), ("run", "--plain", "--fresh"), ("plan",)):
        with pytest.raises(SpecError, match="a folder of your own"):
            dse(words[0], path, *words[1:])
    assert [file.name for file in (tmp_path / "small").iterdir()] == ["runs.csv"]


def test_logs_and_cancel_speak_of_trainings_under_way(tmp_path, dse):
    spec = small_search(tmp_path, trials=2)
    folder = spec.state / "work" / "jobs" / "abcdef0123"
    folder.mkdir(parents=True)
    (folder / "log").write_text("hello\n\x1b]0;x\x07")
    (folder / "curve.jsonl").write_text("9.5\n8.25\n")
    with session(open_search(spec, train=arithmetic)):
        _, out, _ = dse("logs", spec.path, "abcd")
        assert "hello" in out
        assert "8.25" in out
        assert "\x1b" not in out
        assert "asked the running `dse run`" in dse("cancel", spec.path, "abcd")[1]
        assert (folder / "cancel").exists()
    assert "ended abcdef" in dse("cancel", spec.path)[1]
    assert not folder.exists()
    with pytest.raises(SpecError, match="no such training under way"):
        dse("logs", spec.path, "abcd")
