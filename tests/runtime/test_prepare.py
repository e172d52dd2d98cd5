"""The golden check and the inputs to measure with."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit_runtime.errors import ModelError
from edgekit_runtime.handover import PrepareRequest
from edgekit_runtime.prepare import prepare
from tests.tflite_files import write_free_batch, write_stubborn


def inputs_of(model, folder, seed=0, batch=1):
    prepared = prepare(PrepareRequest(str(model), None, 1, seed, str(folder), batch))
    return [np.load(path) for path in prepared.inputs]


def test_a_bundle_is_measured_on_its_first_golden_sample(make_bundle, tmp_path):
    bundle = make_bundle()
    prepared = prepare(PrepareRequest(str(bundle / "model.tflite"), str(bundle), 1, 0, str(tmp_path)))
    (value,) = [np.load(path) for path in prepared.inputs]
    with np.load(bundle / "golden.npz") as golden:
        (name,) = [name for name in golden if name.startswith("input.")]
        np.testing.assert_array_equal(value, golden[name][:1])
    assert prepared.golden.samples == 4
    assert prepared.format == "tflite"


def test_a_check_alone_writes_no_inputs(make_bundle, tmp_path):
    bundle = make_bundle()
    before = set(tmp_path.iterdir())
    assert prepare(PrepareRequest(str(bundle / "model.tflite"), str(bundle), 1, 0, None)).inputs == ()
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("model", "shape", "dtype"),
    [
        ("mlperf-tiny/pretrainedResnet.tflite", (1, 32, 32, 3), "float32"),
        ("mlperf-tiny/vww_96_int8.tflite", (1, 96, 96, 3), "int8"),
        ("tricky/tflite/tflite__java__src__testdata__int64.bin", (1, 8, 8, 3), "int64"),
    ],
)
def test_the_input_of_a_bare_file_has_its_shape_and_type(assets, tmp_path, model, shape, dtype):
    value = inputs_of(assets / model, tmp_path)[0]
    assert value.shape == shape
    assert value.dtype == dtype


def test_whole_numbers_are_valid_as_indexes(assets, tmp_path):
    values = inputs_of(assets / "tricky/tflite/tflite__java__src__testdata__int64.bin", tmp_path)
    assert {int(number) for value in values for number in value.ravel()} <= {0, 1}


def test_a_quantized_input_holds_real_values_from_0_to_1(assets, tmp_path):
    value = inputs_of(assets / "mlperf-tiny/vww_96_int8.tflite", tmp_path)[0]
    assert len(np.unique(value)) > 100  # scale 1/255: the whole range of int8


def test_the_seed_alone_decides_the_input(assets, tmp_path):
    model = assets / "mlperf-tiny/pretrainedResnet.tflite"
    first, again, other = (inputs_of(model, tmp_path, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_input_of_text_cannot_be_made(assets, tmp_path):
    with pytest.raises(ModelError, match="is of type bytes"):
        inputs_of(assets / "tricky/tflite/tflite__testdata__tensor_string_data_type.bin", tmp_path)


def test_a_batch_holds_the_same_sample_over_and_over(tmp_path):
    model = write_free_batch(tmp_path / "m.tflite")
    (one,), (four,) = inputs_of(model, tmp_path), inputs_of(model, tmp_path, batch=4)
    np.testing.assert_array_equal(four, np.repeat(one, 4, axis=0))


def test_a_batch_that_the_outputs_do_not_follow_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"output y of a batch of 4 has shape \(1, 4\)"):
        inputs_of(write_stubborn(tmp_path / "m.tflite"), tmp_path, batch=4)


def test_an_output_that_counts_what_it_found_is_no_batch(assets, tmp_path):
    model = assets / "tricky/tflite/tflite__converter__quantization__lite__testdata__where.bin"
    with pytest.raises(ModelError, match="allowed: 4 samples along the first axis"):
        inputs_of(model, tmp_path, batch=4)
