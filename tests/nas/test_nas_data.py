"""Data: missing values, files of all kinds, splits by run, windows, and the simulated beam."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.nas.data.cantilever import FAR_MM, NEAR_MM, simulate
from dse.nas.data.signals import DataError, make_run
from dse.nas.data.sources import CsvSource, DropbearSource, NpzSource, read_runs
from dse.nas.data.windows import Cutter, Cutting, cut, ends, split_runs

NAN = float("nan")


def runs(n: int = 6, length: int = 200, seed: int = 0):
    rng = np.random.default_rng(seed)
    return tuple(make_run(f"run_{i}", rng.normal(size=length), rng.normal(size=length) + i) for i in range(n))


def test_missing_values_carry_the_last_one_forward():
    run = make_run("a", [1.0, NAN, 3.0, NAN, NAN], [5.0, 6.0, NAN, NAN, 7.0])
    assert run.inputs[:, 0].tolist() == [1, 1, 3, 3, 3]
    assert run.target.tolist() == [5, 6, 6, 6, 7]
    assert (run.carried, run.dropped) == (5, 0)


def test_a_beginning_with_nothing_to_carry_is_dropped():
    run = make_run("a", [[NAN, 1.0], [2.0, NAN], [3.0, 4.0]], [NAN, 1.0, 2.0])
    assert run.dropped == 1
    assert run.inputs.tolist() == [[2, 1], [3, 4]]


@given(st.lists(st.one_of(st.just(NAN), st.floats(-9, 9, width=32)), min_size=1, max_size=30))
def test_filling_invents_nothing(values):
    table = np.array(values)
    if np.isnan(table).all():
        with pytest.raises(DataError):
            make_run("a", table, table)
        return
    run = make_run("a", table, table)
    assert np.isfinite(run.inputs).all()
    given_values = set(table[np.isfinite(table)].astype(np.float32).tolist())
    assert set(run.inputs[:, 0].tolist()) <= given_values
    assert run.n_samples + run.dropped == len(values)
    kept = np.isfinite(table[run.dropped :])
    assert np.array_equal(run.target[kept], table[run.dropped :][kept].astype(np.float32))


@pytest.mark.parametrize(
    ("inputs", "target", "message"),
    [([1.0, 2.0], [1.0], "as many of both"), ([NAN], [1.0], "at least one"), ([1.0, np.inf], [1.0, 1.0], "infinite")],
)
def test_bad_runs_are_told(inputs, target, message):
    with pytest.raises(DataError, match=message):
        make_run("a", inputs, target)


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 7), st.integers(60, 120), st.integers(1, 30), st.integers(1, 20), st.integers(0, 5), st.integers(0, 4))
def test_no_window_crosses_runs_or_looks_ahead(n, length, window, stride, horizon, seed):
    # each run's signal counts its own samples, so that a window tells where it was cut
    data = tuple(make_run(f"run_{i}", np.arange(length) + 1000 * i, np.arange(length) + 1000 * i) for i in range(n))
    cutting = Cutting(validation=("run_1",), test=("run_0",), horizon=horizon, stride=stride, longest=40)
    found = cut(data, cutting, window)
    train = np.concatenate([run.inputs for run in data[2:]]).astype(float)
    for split, members in (("training", range(2, n)), ("validation", [1]), ("test", [0])):
        x = np.rint(found.x[split][:, :, 0] * train.std() + train.mean())
        y = np.rint(found.y[split] * found.scale + train.mean())
        assert set((x[:, -1] // 1000).astype(int)) == set(members)
        assert (np.diff(x, axis=1) == 1).all()
        assert np.array_equal(y, x[:, -1] + horizon)
        assert x.shape[1] == window


@given(st.integers(1, 40), st.integers(1, 40))
def test_all_input_lengths_are_judged_on_the_same_targets(one, other):
    data = runs()
    cutting = Cutting(stride=7, longest=40, horizon=2)
    first, second = cut(data, cutting, one), cut(data, cutting, other)
    for split in ("training", "validation"):
        assert np.array_equal(first.y[split], second.y[split])


def test_ends_leave_room_for_window_and_horizon():
    cutting = Cutting(stride=3, longest=10, horizon=2)
    at = ends(20, cutting)
    assert at[0] == 9
    assert at[-1] + 2 <= 19
    assert len(ends(11, cutting)) == 0


def test_normalisation_comes_from_training_runs_alone():
    data = runs()
    wild = tuple(
        make_run(run.name, run.inputs * (100 if i < 2 else 1), run.target * (100 if i < 2 else 1)) for i, run in enumerate(data)
    )
    cutting = Cutting(validation=("run_1",), test=("run_0",), longest=16)
    tame_windows, wild_windows = cut(data, cutting, 16), cut(wild, cutting, 16)
    assert np.array_equal(tame_windows.x["training"], wild_windows.x["training"])
    assert tame_windows.scale == wild_windows.scale
    assert abs(float(cut(data, Cutting(validation=("run_1",), longest=1, stride=1), 1).x["training"].mean())) < 1e-5


def test_splits_are_disjoint_whole_runs():
    split = split_runs(runs(11), Cutting(test=("run_3",)))
    names = [run.name for members in split.values() for run in members]
    assert sorted(names) == sorted(run.name for run in runs(11))
    assert len(split["validation"]) == 2


@pytest.mark.parametrize(
    ("cutting", "message"),
    [
        (Cutting(test=("run_9",)), "did you mean 'run_0'|no run 'run_9'"),
        (Cutting(test=("run_0",), validation=("run_0",)), "one of the two"),
        (Cutting(test=tuple(f"run_{i}" for i in range(6))), "training split is empty"),
        (Cutting(validation=tuple(f"run_{i}" for i in range(6))), "training split is empty"),
        (Cutting(longest=500), "no window of 16 samples"),
    ],
)
def test_bad_splits_are_told(cutting, message):
    with pytest.raises(DataError, match=message):
        cut(runs(), cutting, 16)


def test_a_constant_target_is_told():
    data = tuple(make_run(f"run_{i}", np.arange(50.0), np.full(50, 3.0)) for i in range(3))
    with pytest.raises(DataError, match="the target is 3 in all training runs"):
        cut(data, Cutting(longest=8), 8)


def test_a_constant_input_is_told():
    data = tuple(make_run(f"run_{i}", np.zeros(50), np.arange(50.0)) for i in range(3))
    with pytest.raises(DataError, match="input 1 is constant"):
        cut(data, Cutting(longest=8), 8)


def test_windows_are_thinned_evenly():
    full, few = cut(runs(), Cutting(longest=8, stride=2), 8), cut(runs(), Cutting(longest=8, stride=2, maximum=10), 8)
    assert len(few.y["training"]) == 10
    assert few.y["training"][0] == full.y["training"][0]
    assert few.y["training"][-1] == full.y["training"][-1]


def test_the_protocol_of_ntorc():
    data = runs(4, length=101)
    found = cut(data, Cutting(test=("run_3",), protocol="n-torc"), 10)
    run = data[0]
    assert np.allclose(found.x["training"][0, :, 0], run.inputs[:10, 0] / run.inputs.std())
    assert found.y["training"][0] == pytest.approx(run.target[10] / run.target.std())
    assert (len(found.y["training"]), len(found.y["validation"]), len(found.y["test"])) == (21, 9, 10)
    assert found.scale == 1.0


def test_a_cutter_remembers_a_few_lengths():
    cutter = Cutter(runs(), Cutting(longest=30), kept=2)
    assert cutter(10) is cutter(10)
    first = cutter(10)
    cutter(20), cutter(30)
    assert cutter(10) is not first


def write_pair(folder: Path, name: str, acc: str, pin: str, *, packed: bool = False) -> None:
    for end, text in (("acc", acc), ("pin", pin)):
        if packed:
            (folder / f"{name}_{end}.txt.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (folder / f"{name}_{end}.txt").write_text(text)


def test_dropbear_pairs_plain_and_packed(tmp_path):
    write_pair(tmp_path, "one", "1, 2, 3", "4, nan, 6")
    write_pair(tmp_path, "two", "1, 2", "7, 8", packed=True)
    one, two = read_runs(DropbearSource(str(tmp_path)), tmp_path)
    assert one.target.tolist() == [4, 4, 6]
    assert one.carried == 1
    assert (two.name, two.n_samples) == ("two", 2)


@pytest.mark.parametrize(
    ("acc", "pin", "message"),
    [("1, 2", "1, 2, 3", "has 3; expected as many"), ("1, x", "1, 2", "value 2 is 'x'"), ("nan", "1", "at least one")],
)
def test_bad_dropbear_files_are_told(tmp_path, acc, pin, message):
    write_pair(tmp_path, "one", acc, pin)
    with pytest.raises(DataError, match=message):
        read_runs(DropbearSource(str(tmp_path)), tmp_path)


def test_a_missing_half_and_a_torn_archive_are_told(tmp_path):
    write_pair(tmp_path, "one", "1", "1", packed=True)
    half = tmp_path / "two_acc.txt"
    half.write_text("1")
    with pytest.raises(DataError, match="only one of its two files"):
        read_runs(DropbearSource(str(tmp_path)), tmp_path)
    half.unlink()
    packed = tmp_path / "one_acc.txt.gz"
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(DataError, match="cannot be read"):
        read_runs(DropbearSource(str(tmp_path)), tmp_path)
    with pytest.raises(DataError, match="not found; looked at"):
        read_runs(DropbearSource("nowhere"), tmp_path)


def test_csv_columns_by_name(tmp_path):
    (tmp_path / "a.csv").write_text("t, acc, gyro, pos\n0, 1, 2, 3\n1, , 5, 6\n")
    (run,) = read_runs(CsvSource("a.csv", ("acc", "gyro"), "pos"), tmp_path)
    assert run.inputs.tolist() == [[1, 2], [1, 5]]
    assert run.target.tolist() == [3, 6]
    with pytest.raises(DataError, match="no column 'speed'"):
        read_runs(CsvSource("a.csv", ("acc",), "speed"), tmp_path)
    (tmp_path / "b.csv").write_text("acc,pos\n1,2\n1\n")
    with pytest.raises(DataError, match=r"b\.csv:3"):
        read_runs(CsvSource("b.csv", ("acc",), "pos"), tmp_path)


def test_npz_arrays_and_no_pickles(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones((5, 2)), y=np.arange(5))
    (run,) = read_runs(NpzSource("a.npz"), tmp_path)
    assert (run.n_channels, run.n_samples) == (2, 5)
    np.savez(tmp_path / "b.npz", x=np.array([{"code": 1}], dtype=object), y=np.arange(1))
    with pytest.raises(DataError, match="plain NPZ"):
        read_runs(NpzSource("b.npz"), tmp_path)
    with pytest.raises(DataError, match="no array 'z'"):
        read_runs(NpzSource("a.npz", target="z"), tmp_path)


def test_the_beam_is_the_same_every_time_and_stays_on_its_rails():
    one, other = simulate(2, 600, seed=3), simulate(2, 600, seed=3)
    assert all(np.array_equal(a.inputs, b.inputs) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(one[0].target, one[1].target)
    for run in one:
        assert NEAR_MM <= run.target.min() <= run.target.max() <= FAR_MM
        assert 0.9 < run.inputs.std() < 1.1


def test_the_beam_rings_higher_where_the_roller_stands_further_out():
    from dse.nas.data.cantilever import _respond

    rng = np.random.default_rng(1)
    force = rng.standard_normal(4096)

    def first_peak(place: float) -> float:
        spectrum = np.abs(np.fft.rfft(_respond(np.full(4096, place), force) * np.hanning(4096)))
        band = slice(20, 400)  # up to about 200 Hz: the first mode
        return float(np.argmax(spectrum[band]))

    assert first_peak(NEAR_MM) < first_peak(FAR_MM)


def test_real_recordings(shared):
    found = read_runs(DropbearSource(str(shared / "data" / "dropbear")), Path())
    assert len(found) == 13
    assert all(len(run.inputs) == run.n_samples >= 65_000 for run in found)
