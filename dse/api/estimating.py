"""`dse.estimate`: what a network would cost, from a file or a Keras model in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dse.corpus import find_corpus, read_corpus
from dse.design import IO_TYPES, Network, Precision, Strategy, Target, Toolchain, normalise_part
from dse.errors import NetworkError, SpecError
from dse.estimation.learned import learn
from dse.estimation.table import Estimation, estimation
from dse.networks import network_from_keras, read_network
from dse.parts import board_part, find_part, known_boards
from dse.qor import LayerRecord
from dse.store.cache import Cache
from dse.study.evaluate import transferable


def estimate(
    model: Any,
    *,
    strategy: Strategy = "resource",
    part: str = "xc7a200tfbg676-2",
    clock_period_ns: float = 5.0,
    io_type: str = "io_parallel",
    precision: str = "ap_fixed<16,6>",
    toolchain: str = "vivado_hls 2019.2",
    measured: Sequence[str | Path] = (),
    allow_code: bool = False,
) -> Estimation:
    """Estimate a network: a path as of `dse legal`, a Keras model, or a `dse` network. No tool is run.

    `measured` names corpora, or caches of `dse run`: what they hold of layers of the same kind corrects the estimate and its bands.

    Raises:
        CorpusError: nothing was measured where `measured` points.
        NetworkError: a model that cannot be read.
        SpecError: an option that means nothing.
        SpaceError: a layer has no legal reuse factor.
    """
    if io_type not in IO_TYPES:
        raise SpecError(f"io_type: got {io_type!r}, expected one of {', '.join(IO_TYPES)}")
    name = board_part(part) if part in known_boards() else part
    target = Target(
        normalise_part(name),
        clock_period_ns,
        io_type,
        Precision.parse(precision),
        Toolchain.parse(toolchain),
    )
    return estimation(_network(model, allow_code), target, find_part(name), strategy, learn(_records(measured)))


def _records(places: Sequence[str | Path]) -> Iterator[LayerRecord]:
    for place in places:
        cache = Cache(Path(place))
        keys = tuple(cache.keys()) if Path(place).is_dir() else ()
        yield from transferable(cache, keys) if keys else read_corpus(find_corpus(place)).layers


def _network(model: Any, allow_code: bool) -> Network:
    if isinstance(model, Network):
        return model
    if isinstance(model, str | Path):
        return read_network(Path(model), allow_code=allow_code)
    if not hasattr(model, "to_json"):
        raise NetworkError(f"a {type(model).__name__} is no network; expected a path, a Keras model or a dse network")
    return network_from_keras(
        json.loads(model.to_json()), str(getattr(model, "name", "model")), type(model).__name__, allow_code=allow_code
    )
