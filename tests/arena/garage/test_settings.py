"""The settings files of DeepRacer: all their forms are read, all their mistakes are named."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.garage.hyperparameters import Hyperparameters, parse_hyperparameters
from arena.garage.jsontext import decode_settings
from arena.garage.settings import Algorithm, ModelMetadata, Network, parse_model_metadata
from arena.garage.verdicts import EntrantFault, Verdict
from simulator.actions import DEFAULT_ACTIONS, Continuous, Discrete

LEFT = {"steering_angle": 30, "speed": 1.0}
RIGHT = {"steering_angle": -30.0, "speed": 2, "index": 1}
RANGES = {"steering_angle": {"low": -20, "high": 20}, "speed": {"low": 0.5, "high": 4}}


def fault_of(parse: object, text: str) -> EntrantFault:
    with pytest.raises(EntrantFault) as caught:
        parse(text)  # type: ignore[operator]
    assert caught.value.verdict is Verdict.SETTINGS
    return caught.value


@pytest.mark.parametrize(
    "document",
    [
        {"action_space": [LEFT, RIGHT]},
        {
            "action_space": [LEFT, RIGHT],
            "action_space_type": "discrete",
            "version": "4",
            "sensor": ["observation"],
        },
        {"action_space": [LEFT, RIGHT], "version": 5},
        [LEFT, RIGHT],
    ],
)
def test_discrete_forms_are_read(document: object) -> None:
    metadata = parse_model_metadata(json.dumps(document))
    assert metadata == ModelMetadata(Discrete(((30.0, 1.0), (-30.0, 2.0))))


@pytest.mark.parametrize(
    "document",
    [
        {"action_space": RANGES, "action_space_type": "continuous", "training_algorithm": "clipped_ppo"},
        {"action_space": RANGES},
        RANGES,
    ],
)
def test_continuous_forms_are_read(document: object) -> None:
    metadata = parse_model_metadata(json.dumps(document))
    assert metadata == ModelMetadata(Continuous((-20.0, 20.0), (0.5, 4.0)))


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_without_a_file_the_defaults_hold(text: str | None) -> None:
    assert parse_model_metadata(text).actions == DEFAULT_ACTIONS
    assert parse_hyperparameters(text) == Hyperparameters()


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"action_space": []}, ("action_space", "2 to 30", "got 0")),
        ({"action_space": [LEFT]}, ("2 to 30", "got 1")),
        ({"action_space": [LEFT] * 500}, ("2 to 30", "got 500")),
        (
            {"action_space": [LEFT, {"steering_angle": 90, "speed": 1}]},
            ("[1].steering_angle", "90", "-30 to 30"),
        ),
        ({"action_space": [LEFT, {"steering_angle": 0, "speed": 9}]}, ("[1].speed", "9", "0.1 to 4")),
        ({"action_space": [LEFT, {"steering_angle": 0, "speed": 0}]}, ("[1].speed", "0.1 to 4")),
        ({"action_space": [LEFT, {"steering_angle": 0}]}, ("[1]", "speed is missing")),
        (
            {"action_space": [LEFT, {"steering_angle": "30", "speed": 1}]},
            ("[1].steering_angle", 'the text "30"'),
        ),
        ({"action_space": [LEFT, {"steering_angle": True, "speed": 1}]}, ("[1].steering_angle", "true")),
        ({"action_space": [LEFT, {"steering_angle": None, "speed": 1}]}, ("[1].steering_angle", "null")),
        ({"action_space": [LEFT, 3]}, ("action_space[1]", "got 3")),
        ({"action_space": RANGES, "action_space_type": "discrete"}, ("discrete", "continuous")),
        ({"action_space": [LEFT, RIGHT], "action_space_type": "continuous"}, ("continuous", "low")),
        ({"action_space": [LEFT, RIGHT], "action_space_type": "magic"}, ("action_space_type", "magic")),
        ({"action_space": RANGES | {"speed": {"low": 2, "high": 2}}}, ("speed", "low must be smaller")),
        ({"action_space": RANGES | {"speed": {"low": 3, "high": 2}}}, ("speed", "3 and 2")),
        ({"action_space": RANGES | {"speed": {"low": 3}}}, ("speed", "high is missing")),
        ({"action_space": RANGES | {"speed": 3}}, ("speed", "low", "got 3")),
        ({"action_space": {"speed": {"low": 1, "high": 2}}}, ("steering_angle is missing",)),
        ({"action_space": "fast"}, ("action_space", "fast")),
        ({"sensor": ["observation"]}, ("action_space is missing",)),
        ({"action_space": [LEFT, RIGHT], "training_algorithm": "dqn"}, ("training_algorithm", "dqn")),
        ({"action_space": [LEFT, RIGHT], "training_algorithm": "sac"}, ("sac needs a continuous", "low and")),
        ({"action_space": [LEFT, RIGHT], "neural_network": "RESNET"}, ("small, large", "RESNET")),
        ({"action_space": [LEFT, RIGHT], "neural_network": 3}, ("neural_network", "got 3")),
        (3, ("expected an object", "3")),
        (None, ("expected an object", "null")),
    ],
)
def test_wrong_metadata_is_refused_with_key_and_range(document: object, words: tuple[str, ...]) -> None:
    fault = fault_of(parse_model_metadata, json.dumps(document))
    for word in words:
        assert word in fault.message


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ('{"action_space": [\n  {"steering_angle": 30 "speed": 1}]}', ("line 2", "column"), 2),
        ('{"action_space": [{"steering_angle": NaN, "speed": 1}]}', ("NaN",), None),
        ('{"action_space": [{"steering_angle": 1e999, "speed": 1}, {}]}', ("finite",), None),
        ("[" * 15_000, ("not usable JSON",), None),
        ("x" * 100_001, ("100,001 characters",), None),
        ("{'action_space': 3}", ("line 1", "double quotes"), 1),
    ],
)
def test_text_that_is_no_json_is_refused_with_its_place(
    text: str, words: tuple[str, ...], line: int | None
) -> None:
    fault = fault_of(parse_model_metadata, text)
    for word in words:
        assert word in fault.message
    assert fault.line == line


@pytest.mark.parametrize(
    ("data", "words", "line"),
    [
        (b"", "is empty", None),
        (b" \n", "is empty", None),
        (b"PK\x03\x04rest", "is a zip archive", None),
        (b"\x93NUMPY", "is a NumPy array", None),
        (b'{\n"a": "\xff"}', "0xff", 2),
        ("{}".encode("utf-16"), "saved as UTF-8", 1),
        (b" " * 400_001, "0.4 MB", None),
    ],
)
def test_files_that_are_no_settings_are_named(data: bytes, words: str, line: int | None) -> None:
    with pytest.raises(EntrantFault) as caught:
        decode_settings(data, "model_metadata.json")
    assert (caught.value.verdict, caught.value.line) == (Verdict.SETTINGS, line)
    assert "model_metadata.json" in caught.value.message
    assert words in caught.value.message
    assert "Python" not in caught.value.message


def test_settings_may_begin_with_a_byte_order_mark() -> None:
    assert decode_settings(b"\xef\xbb\xbf{}", "hyperparameters.json") == "{}"


def test_what_has_no_meaning_here_is_said() -> None:
    document = {
        "action_space": RANGES,
        "sensor": ["FRONT_FACING_CAMERA", "SECTOR_LIDAR"],
        "neural_network": "DEEP_CONVOLUTIONAL_NETWORK_DEEP",
        "action_space_typ": "discrete",
    }
    warnings = " ".join(parse_model_metadata(json.dumps(document)).warnings)
    for word in (
        "FRONT_FACING_CAMERA",
        "neural_network",
        "Did you mean action_space_type?",
    ):
        assert word in warnings


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"version": "1"}, "physics of version 1"),
        ({"version": 2}, "physics of version 2"),
        ({"version": "3"}, "physics of version 3"),
        ({"version": "6"}, "that of version 5"),
        ({"version": "latest"}, 'got the text "latest"'),
        ({"version": [5]}, "expected one of 1 to 6"),
        ({"sensor": ["STEREO_CAMERAS"]}, "STEREO_CAMERAS has no effect"),
        ({"sensor": ["LEFT_CAMERA", "LIDAR"]}, "LEFT_CAMERA, LIDAR has no effect"),
        ({"sensor": "DISCRETIZED_SECTOR_LIDAR"}, "exactly one camera"),
        ({"sensor": ["FRONT_FACING_CAMERA", "LEFT_CAMERA"]}, "exactly one camera"),
        ({"sensor": ["FRONT_FACING_CAMRA"]}, "Did you mean FRONT_FACING_CAMERA?"),
        ({"neural_network": "DEEP_CONVOLUTIONAL_NETWORK_DEEP"}, "large network"),
        ({"neural_network": "large"}, "large network"),
        ({"neural_network": "DEEP_CONVOLUTIONAL_NETWORK"}, "the small network here"),
        ({"lidar_config": {"num_sectors": 8}}, "lidar_config has no effect"),
        ({"preprocess_type": "GREY_SCALE"}, "preprocess_type has no effect"),
        ({"regional_parameters": {}}, "regional_parameters has no effect"),
        ({"action_space": [LEFT, RIGHT | {"index": 7}]}, "action_space[1].index: 7 has no effect"),
        ({"colour": "red"}, "colour is not known"),
    ],
)
def test_each_setting_without_meaning_here_is_named(extra: dict[str, object], words: str) -> None:
    metadata = parse_model_metadata(json.dumps({"action_space": [LEFT, RIGHT]} | extra))
    assert metadata.actions == Discrete(((30.0, 1.0), (-30.0, 2.0)))
    assert words in " ".join(metadata.warnings)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("exploration_type", "e-greedy"),
        ("e_greedy_value", 0.2),
        ("epsilon_steps", 5),
        ("stack_size", 4),
        ("sac_alpha", 0.5),
    ],
)
def test_each_hyperparameter_without_meaning_here_is_named(key: str, value: object) -> None:
    quiet, loud = (json.dumps(DRFC_DEFAULT | changed) for changed in ({}, {key: value}))
    assert not any(key in warning for warning in parse_hyperparameters(quiet).warnings)
    assert any(f"{key} has no effect" in warning for warning in parse_hyperparameters(loud).warnings)


def test_sac_and_the_large_network_are_said_with_their_price_and_written_only_where_asked_for() -> None:
    asked = {"training_algorithm": "SAC", "neural_network": "DEEP_CONVOLUTIONAL_NETWORK_DEEP"}
    metadata = parse_model_metadata(json.dumps({"action_space": RANGES} | asked))
    assert (metadata.algorithm, metadata.network) == (Algorithm.SAC, Network.LARGE)
    assert parse_model_metadata(json.dumps(metadata.as_json())) == metadata
    assert "minutes instead of" in metadata.warnings[0]
    assert "six minutes" in metadata.warnings[1]
    assert "neural_network" not in ModelMetadata().as_json()
    shallow = {"action_space": RANGES, "neural_network": "DEEP_CONVOLUTIONAL_NETWORK_SHALLOW"}
    assert parse_model_metadata(json.dumps(shallow)) == ModelMetadata(Continuous((-20.0, 20.0), (0.5, 4.0)))


def test_sac_does_not_learn_from_pictures() -> None:
    document = {"action_space": RANGES, "training_algorithm": "sac", "sensor": ["FRONT_FACING_CAMERA"]}
    assert parse_model_metadata(json.dumps(document)).algorithm is Algorithm.SAC
    with pytest.raises(EntrantFault, match="sac cannot learn from camera pictures"):
        parse_model_metadata(json.dumps(document), ("camera",))


def test_metadata_survives_its_own_json() -> None:
    for actions in (Discrete(((30.0, 1.0), (0.0, 4.0))), Continuous((-20.0, 10.0), (0.5, 3.0))):
        metadata = ModelMetadata(actions)
        assert parse_model_metadata(json.dumps(metadata.as_json())) == metadata


DRFC_DEFAULT = {
    "batch_size": 64,
    "beta_entropy": 0.01,
    "discount_factor": 0.99,
    "e_greedy_value": 0.05,
    "epsilon_steps": 10000,
    "exploration_type": "categorical",
    "loss_type": "huber",
    "lr": 0.0003,
    "num_episodes_between_training": 40,
    "num_epochs": 5,
    "stack_size": 1,
    "term_cond_avg_score": 350.0,
    "term_cond_max_episodes": 1000,
    "sac_alpha": 0.2,
}


def test_hyperparameters_of_deepracer_take_effect() -> None:
    settings = parse_hyperparameters(json.dumps(DRFC_DEFAULT))
    assert (settings.batch_size, settings.num_epochs, settings.lr) == (64, 5, 0.0003)
    assert (settings.beta_entropy, settings.discount_factor) == (0.01, 0.99)
    assert (settings.loss_type, settings.num_episodes_between_training) == ("huber", 40)


def test_only_unusual_values_of_keys_without_effect_are_worth_a_warning() -> None:
    quiet = parse_hyperparameters(
        json.dumps(DRFC_DEFAULT | {"batch_size": 512, "loss_type": "mean squared error"})
    )
    assert quiet.warnings == ()
    loud = parse_hyperparameters(
        '{"exploration_type": "e-greedy", "stack_size": 4, "batchsize": 64, "batch_size": 64}'
    )
    text = " ".join(loud.warnings)
    for word in ("exploration_type", "stack_size", "Did you mean batch_size?", "64 is small"):
        assert word in text


def test_a_discount_of_one_is_taken_back_a_little_and_said() -> None:
    settings = parse_hyperparameters('{"discount_factor": 1}')
    assert settings.discount_factor == 0.9999
    assert "discount_factor" in settings.warnings[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"batch_size": 0}', ("batch_size", "32 to 8192")),
        ('{"batch_size": 64.5}', ("batch_size", "whole number")),
        ('{"batch_size": "64"}', ("batch_size", 'the text "64"')),
        ('{"lr": 5}', ("lr", "5", "1e-08 to 0.01")),
        ('{"lr": -1e-3}', ("lr",)),
        ('{"num_epochs": 1000}', ("num_epochs", "1 to 20")),
        ('{"beta_entropy": 2}', ("beta_entropy", "0 to 1")),
        ('{"discount_factor": 1.5}', ("discount_factor", "0 to 1")),
        ('{"loss_type": "hinge"}', ("loss_type", "huber", "hinge")),
        ('{"num_episodes_between_training": 0}', ("num_episodes_between_training",)),
        ("[]", ("expected an object",)),
        ('{"lr": Infinity}', ("Infinity",)),
        ('{"lr": 0.001,}', ("line 1",)),
    ],
)
def test_wrong_hyperparameters_are_refused_with_key_and_range(text: str, words: tuple[str, ...]) -> None:
    fault = fault_of(parse_hyperparameters, text)
    for word in words:
        assert word in fault.message


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["action_space", "action_space_type", "sensor", "version", "x"]), json_values
    ),
    st.dictionaries(st.sampled_from([*DRFC_DEFAULT, "x"]), json_values),
)
def test_any_json_gives_settings_or_a_fault(metadata: dict[str, object], settings: dict[str, object]) -> None:
    for parse, document in ((parse_model_metadata, metadata), (parse_hyperparameters, settings)):
        with contextlib.suppress(EntrantFault):
            parse(json.dumps(document))


def test_a_number_of_four_hundred_digits_is_refused_and_no_fault_of_ours() -> None:
    huge = "1" + "0" * 400
    actions = f'[{{"steering_angle": {huge}, "speed": 1}}, {{"steering_angle": 0, "speed": 1}}]'
    with pytest.raises(EntrantFault, match="finite number"):
        parse_model_metadata(f'{{"action_space": {actions}}}')
    space = '{"steering_angle": {"low": -30, "high": 30}, "speed": {"low": 1, "high": 2}}'
    assert parse_model_metadata(f'{{"action_space": {space}, "version": {huge}}}').warnings


def test_a_file_with_thousands_of_unknown_keys_is_read_at_once() -> None:
    keys = ", ".join(f'"action_space_typ{number}": 1' for number in range(3_000))
    space = '{"steering_angle": {"low": -30, "high": 30}, "speed": {"low": 1, "high": 2}}'
    assert len(parse_model_metadata(f'{{"action_space": {space}, {keys}}}').warnings) == 10
