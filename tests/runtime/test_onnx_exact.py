"""edgekit_runtime.onnx_exact: sums of integer products are whole, and by fast kernels where those are exact."""

from __future__ import annotations

import platform
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest

from edgekit_runtime import onnx_exact
from edgekit_runtime.onnx_exact import cuts_off_sums, exact_session
from tests.runtime.test_onnx_weights import WEIGHTS, X, save_products, save_restored

# A processor of 2013, with AVX2 and without VNNI.
WITHOUT_VNNI = ("qemu-x86_64", "-cpu", "Haswell")
ANSWER = """
import sys, numpy as np
from edgekit_runtime.onnx import OnnxInterpreter
from edgekit_runtime.onnx_exact import cuts_off_sums
answers = []
for path in sys.argv[2:]:
    interpreter = OnnxInterpreter(path)
    interpreter.set_input(0, np.load("x.npy"))
    interpreter.invoke()
    answers.append(interpreter.output(0))
np.savez(sys.argv[1], *answers, cut=cuts_off_sums())
"""


def options_at(severity):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = severity
    return options


@pytest.fixture
def cutting(monkeypatch):
    """A processor that is held for one that cuts off sums."""
    monkeypatch.setattr(onnx_exact, "cuts_off_sums", lambda: True)


def exact_answer(save, times):
    """What the model of `save` gives, by whole sums."""
    y = X
    for _ in range(times):
        if save is save_restored:
            y = y @ (WEIGHTS * np.float32(0.01))
        else:
            low, high = min(0, y.min()), max(0, y.max())
            scale = np.float32((high - low) / 255)
            zero = np.rint(-low / scale)
            y = ((np.clip(np.rint(y / scale) + zero, 0, 255) - zero) @ WEIGHTS * scale).astype(np.float32)
    return y


def kinds_of_weights(tmp_path, model):
    """The types of the weights that onnxruntime computes with."""

    def writing(severity):
        options = options_at(severity)
        options.optimized_model_filepath = str(tmp_path / "run.onnx")
        return options

    exact_session(model, writing)
    constants = onnx.load_model(tmp_path / "run.onnx").graph.initializer
    return {tensor.data_type for tensor in constants if list(tensor.dims) == [16, 16]}


@pytest.mark.parametrize("save", [save_products, save_restored])
@pytest.mark.parametrize("given", [str, lambda path: path.read_bytes()])
def test_shared_weights_are_taken_by_the_exact_kernels(cutting, save, given, tmp_path):
    path = save(tmp_path / "m.onnx", 3)
    assert exact_session(given(path), options_at).run(None, {"x": X})[0] == pytest.approx(
        exact_answer(save, 3), rel=1e-4
    )
    if save is save_products:
        assert kinds_of_weights(tmp_path, given(path)) == {onnx.TensorProto.UINT8}


def test_where_nothing_is_cut_off_the_fast_kernels_are_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(onnx_exact, "cuts_off_sums", lambda: False)
    path = save_products(tmp_path / "m.onnx", 1)
    assert kinds_of_weights(tmp_path, str(path)) == {onnx.TensorProto.INT8}


def test_weights_beside_the_file_are_found(cutting, tmp_path):
    path = save_products(tmp_path / "m.onnx", 2)
    model = onnx.load_model(path)
    onnx.save_model(
        model, path, save_as_external_data=True, location="weights.bin", size_threshold=0, convert_attribute=True
    )
    assert (tmp_path / "weights.bin").exists()
    assert exact_session(str(path), options_at).run(None, {"x": X})[0] == pytest.approx(
        exact_answer(save_products, 2), rel=1e-4
    )
    assert kinds_of_weights(tmp_path, str(path)) == {onnx.TensorProto.UINT8}


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_what_is_no_model_is_refused_for_its_own_sake(cutting, content):
    with pytest.raises(Exception, match=r"ModelProto|protobuf|No graph"):
        exact_session(content, options_at)


def test_an_arm_processor_is_not_even_asked(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(onnx_exact, "_product", lambda: pytest.fail("asked"))
    assert not cuts_off_sums.__wrapped__()


@pytest.mark.skipif(
    platform.machine() != "x86_64", reason="another processor's programs do not run in qemu-x86_64 here"
)
@pytest.mark.slow
def test_a_processor_without_vnni_answers_like_any_other(emulator, tmp_path):
    np.save(tmp_path / "x.npy", X)
    paths = [
        save_products(tmp_path / "products.onnx", 3),
        save_restored(tmp_path / "restored.onnx", 3),
    ]
    for emulation, output in (((), "here.npz"), (WITHOUT_VNNI, "there.npz")):
        argv = [*emulation, sys.executable, "-c", ANSWER, output, *map(str, paths)]
        subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True)
    here, there = np.load(tmp_path / "here.npz"), np.load(tmp_path / "there.npz")
    assert there["cut"]
    for name in ("arr_0", "arr_1"):
        assert there[name] == pytest.approx(here[name], rel=1e-5)
