"""Parameters make architectures, architectures make networks, and those are what Keras builds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.errors import SpaceError, SpecError
from dse.nas.known_cost import _neighbor, parameters_of
from dse.nas.space import Choice, ConvSpace, DenseSpace, Head, RecurrentSpace, SearchSpace, Whole
from dse.networks import network_from_keras
from dse.networks.architecture import Architecture, ConvBlock, Recurrent, workload

SPACE = SearchSpace(
    (16, 96),
    ConvSpace((0, 3), ((4, 8), (4, 32)), (3, 5), (1, 2), 4),
    RecurrentSpace((0, 2), (2, 12), ("lstm", "gru"), ("all", "last")),
    DenseSpace((0, 3), (2, 64)),
    Head(),
)

architectures = st.builds(
    Architecture,
    input_length=st.integers(16, 96),
    n_channels=st.integers(1, 3),
    conv=st.lists(st.builds(ConvBlock, st.integers(1, 8), st.sampled_from([1, 3, 4]), st.sampled_from([1, 2, 3])), max_size=2).map(
        tuple
    ),
    recurrent=st.one_of(
        st.just(()),
        st.builds(
            lambda kind, units, keeps: (Recurrent(kind, units, keeps),),
            st.sampled_from(["lstm", "gru"]),
            st.integers(1, 6),
            st.booleans(),
        ),
        st.builds(lambda a, b: (Recurrent("lstm", a), Recurrent("lstm", b, False)), st.integers(1, 6), st.integers(1, 6)),
    ),
    dense=st.lists(st.integers(1, 9), max_size=3).map(tuple),
)


@given(st.integers(0, 2**32 - 1))
def test_every_sample_is_within_its_ranges(seed):
    values = SPACE.sample(np.random.default_rng(seed))
    assert set(values) == {p.name for p in SPACE.parameters}
    for p in SPACE.parameters:
        if isinstance(p, Choice):
            assert values[p.name] in p.options
        else:
            assert p.low <= values[p.name] <= p.high
            assert (values[p.name] - p.low) % p.step == 0
    network = SPACE.architecture(values)
    assert len(network.conv) == values["conv_blocks"]
    assert all(block.filters % 4 == 0 for block in network.conv)
    assert all(block.filters <= 8 for block in network.conv[:1])
    assert len({layer.kind for layer in network.recurrent}) <= 1


@given(st.integers(0, 2**32 - 1))
def test_parameters_can_be_read_back(seed):
    network = SPACE.architecture(SPACE.sample(np.random.default_rng(seed)))
    assert SPACE.architecture(parameters_of(SPACE, network)) == network


@given(st.integers(0, 2**32 - 1))
def test_neighbors_stay_in_the_space(seed):
    rng = np.random.default_rng(seed)
    values = _neighbor(SPACE, SPACE.sample(rng), rng)
    for p in SPACE.parameters:
        if isinstance(p, Whole):
            assert p.low <= values[p.name] <= p.high
            assert (values[p.name] - p.low) % p.step == 0
        else:
            assert values[p.name] in p.options


def test_one_size_for_all_layers_of_a_sort():
    space = SearchSpace(64, ConvSpace((0, 3), (4, 16)), RecurrentSpace(0), DenseSpace((1, 3), (4, 32)), Head(), same_sizes=True)
    assert [p.name for p in space.parameters] == ["conv_blocks", "conv_1_filters", "dense_layers", "dense_1_units"]
    network = space.architecture({"conv_blocks": 3, "conv_1_filters": 5, "dense_layers": 2, "dense_1_units": 7})
    assert [block.filters for block in network.conv] == [5, 5, 5]
    assert network.dense == (7, 7)


def test_layers_that_a_candidate_does_not_have_change_nothing():
    values = SPACE.sample(np.random.default_rng(3)) | {"conv_blocks": 1, "recurrent_layers": 0}
    other = values | {"conv_3_filters": 32, "conv_2_kernel": 5, "recurrent_2_units": 9}
    assert SPACE.architecture(values).key == SPACE.architecture(other).key


def test_fixed_values_are_no_parameters():
    space = SearchSpace(64, ConvSpace(2, 8, (3,), (2,)), RecurrentSpace(0), DenseSpace(1, 16), Head("classes", 4))
    assert space.parameters == ()
    assert str(space.architecture({})) == "64-c8k3p2-c8k3p2-d16-4"


def test_wrong_spaces_are_refused():
    with pytest.raises(SpecError, match="at most 3"):
        SearchSpace(64, ConvSpace(), RecurrentSpace((0, 4)), DenseSpace(), Head())
    with pytest.raises(SpecError, match="classes"):
        Head("classes")
    with pytest.raises(SpecError, match="classes"):
        Head("regression", 3)


@pytest.mark.parametrize(
    "given_shape",
    [
        {"input_length": 0},
        {"input_length": 7, "conv": (ConvBlock(4, 3, 2),) * 3},
        {"input_length": 16, "recurrent": (Recurrent("lstm", 4, False), Recurrent("lstm", 4))},
        {"input_length": 16, "dense": (0,)},
    ],
)
def test_what_cannot_be_built_is_refused(given_shape):
    if given_shape["input_length"] == 7:
        given_shape["conv"] = (ConvBlock(4, 3, 2),) * 3
        assert 7 // 2 // 2 // 2 == 0
    with pytest.raises(SpaceError):
        Architecture(**given_shape)


@given(architectures)
def test_json_keeps_everything(network):
    assert Architecture.from_json(json.loads(json.dumps(network.to_json()))) == network


def test_another_shape_is_another_key():
    one = Architecture(32, dense=(8,))
    assert one.key == Architecture(32, dense=(8,)).key
    assert (
        len({one.key, Architecture(33, dense=(8,)).key, Architecture(32, dense=(8, 8)).key, Architecture(32, dense=(9,)).key}) == 4
    )


def test_the_workload_counts_every_product():
    network = Architecture(16, 2, (ConvBlock(4, 3, 2),), (Recurrent("gru", 5),), (6,)).network()
    conv, gru, dense, output = 16 * 3 * 2 * 4, 8 * (4 + 5) * 3 * 5, 8 * 5 * 6, 6
    assert workload(network) == conv + gru + dense + output


@pytest.mark.hls4ml
@settings(max_examples=8, deadline=None)
@given(architectures)
def test_keras_builds_what_was_weighed(network):
    pytest.importorskip("tensorflow")
    from dse.nas.keras_training import build_model

    model = build_model(network)
    weighed = network.network("candidate")
    built = network_from_keras(json.loads(model.to_json()), "candidate", "keras")
    assert [(layer.name, layer.shape, layer.output_shape) for layer in built.layers] == [
        (layer.name, layer.shape, layer.output_shape) for layer in weighed.layers
    ]
    shapes = {layer.name: tuple(layer.output.shape[1:]) for layer in model.layers}
    for layer in weighed.layers:
        if layer.name in shapes:
            assert layer.output_shape == shapes[layer.name]
    assert model.output_shape == (None, 1)
