"""A cantilever beam with a roller that moves along it, simulated: a small data set that needs no download.

Euler-Bernoulli beam, clamped at x = 0 and free at x = L, in its first N modes; the roller is a stiff spring at p(t):

    q'' + 2 z w q' + w^2 q + k phi(p) phi(p)^T q = phi(x_f) f(t)          (modal mass 1)

q (N,) modal amplitudes, w (N,) natural angular frequencies, z damping ratio, phi(x) (N,) mode shapes at x, f a random force at the
point x_f. Signals: acceleration near the tip with sensor noise, scaled to standard deviation 1; the roller's position in millimetres.
The roller changes its place as in the experiments with a roller on a beam: it dwells, then moves at constant speed.

Integration by the average-acceleration rule (Newmark with gamma = 1/2, beta = 1/4), which is stable for any step; the roller's
position is rounded to a grid so that the step's matrix can be prepared for all places before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dse.nas.data.signals import Run, check_set, make_run

SAMPLES_PER_SECOND = 2000.0
LENGTH_MM = 350.0
NEAR_MM, FAR_MM = 60.0, 160.0  # where the roller goes
SPEED_MM_PER_SECOND = 250.0

_MODES = (1.875104, 4.694091, 7.854757, 10.995541)  # roots of cos(b) cosh(b) = -1
_FIRST_HZ = 18.0
_DAMPING = 0.02
_SPRING = 4.0e6  # roller stiffness per modal mass, 1/s^2
_FORCE_AT, _SENSOR_AT = 0.7, 0.95  # shares of the length
_GRID = 256

Column = NDArray[np.float64]


def simulate(n_runs: int, n_samples: int, *, noise: float = 0.02, seed: int = 0) -> tuple[Run, ...]:
    """Return so many runs; run k depends on (seed, k) alone.

    Args:
        noise: standard deviation of the sensor's noise, as a share of the signal's.
    """
    runs = []
    for number in range(n_runs):
        rng = np.random.default_rng((seed, number))
        position = roller_path(n_samples, rng)
        signal = _respond(position, rng.standard_normal(n_samples))
        signal = signal / signal.std() + noise * rng.standard_normal(n_samples)
        runs.append(make_run(f"beam_{number:02d}", signal, position))
    return check_set(runs, "cantilever")


def roller_path(n_samples: int, rng: np.random.Generator) -> Column:
    """Return (n,) roller positions in millimetres: dwells of random length at random places, joined by moves at constant speed."""
    step = SPEED_MM_PER_SECOND / SAMPLES_PER_SECOND
    pieces: list[Column] = []
    place, filled = float(rng.uniform(NEAR_MM, FAR_MM)), 0
    while filled < n_samples:
        goal = float(rng.uniform(NEAR_MM, FAR_MM))
        dwell = np.full(int(rng.integers(200, 800)), place)
        move = np.linspace(place, goal, max(2, int(abs(goal - place) / step)))
        pieces += [dwell, move]
        filled += len(dwell) + len(move)
        place = goal
    return np.concatenate(pieces)[:n_samples]


def mode_shapes(place: Column) -> Column:
    """Return (n, N) mode shapes at places given as shares of the length, scaled to modal mass 1."""
    roots = np.array(_MODES)
    arguments = np.outer(place, roots)
    sigma = (np.cosh(roots) + np.cos(roots)) / (np.sinh(roots) + np.sin(roots))
    shapes = np.cosh(arguments) - np.cos(arguments) - sigma * (np.sinh(arguments) - np.sin(arguments))
    return np.asarray(shapes)


def _respond(position: Column, force: Column) -> Column:
    """Return the (n,) acceleration at the sensor."""
    roots = np.array(_MODES)
    omega = 2 * np.pi * _FIRST_HZ * (roots / roots[0]) ** 2
    step = 1 / SAMPLES_PER_SECOND
    places = np.linspace(NEAR_MM, FAR_MM, _GRID)
    shapes = mode_shapes(places / LENGTH_MM)
    stiffness = np.diag(omega**2) + _SPRING * shapes[:, :, None] * shapes[:, None, :]  # (grid, N, N)
    damping = np.diag(2 * _DAMPING * omega)
    solve = np.linalg.inv(np.eye(len(omega)) + step / 2 * damping + step**2 / 4 * stiffness)
    drive, sense = mode_shapes(np.array([_FORCE_AT, _SENSOR_AT]))
    index = np.rint((position - NEAR_MM) / (FAR_MM - NEAR_MM) * (_GRID - 1)).astype(int)
    q, speed, acceleration = np.zeros((3, len(omega)))
    found = np.empty(len(position))
    for n, (at, push) in enumerate(zip(index, force, strict=True)):
        ahead = q + step * speed + step**2 / 4 * acceleration
        half = speed + step / 2 * acceleration
        acceleration = solve[at] @ (drive * push - damping @ half - stiffness[at] @ ahead)
        q = ahead + step**2 / 4 * acceleration
        speed = half + step / 2 * acceleration
        found[n] = sense @ acceleration
    return found
