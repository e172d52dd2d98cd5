"""The same files made by the libraries' own defaults, to hold ours against."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAMS = {
    "keras": """
import sys, os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np, tensorflow as tf
source, output, data, scheme = sys.argv[1:]
model = keras.models.load_model(source, compile=False)
specs = [tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name=tensor.name) for tensor in model.inputs]
def call(*given):
    return dict(zip(model.output_names, tf.nest.flatten(model(list(given), training=False))))
run = tf.function(call, input_signature=specs)
archive = keras.export.ExportArchive()
archive.track(model)
archive.add_endpoint("serve", run)
folder = output + "-saved-model"
archive.write_out(folder, verbose=False)
converter = tf.lite.TFLiteConverter.from_saved_model(folder)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
if scheme == "int8":
    arrays = np.load(data)
    count = len(arrays[model.inputs[0].name])
    def samples():
        for i in range(count):
            yield {t.name: arrays[t.name][i:i + 1].astype(t.dtype) for t in model.inputs}
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.float32
open(output, "wb").write(converter.convert())
""",
    "torch": """
import sys
import numpy as np
from ai_edge_quantizer import quantizer, recipe
source, output, data, scheme = sys.argv[1:]
from edgekit_runtime.litert import LiteRtInterpreter
interpreter = LiteRtInterpreter(source)
names = interpreter.signature()[0]
stored = {spec.name: spec for spec in interpreter.inputs}
arrays = np.load(data)
def fit(name):
    shape = stored[names[name]].shape[1:]
    values = arrays[name]
    if values.shape[1:] != shape:
        values = np.moveaxis(values, 1, -1)
    return values.astype(stored[names[name]].dtype)
count = len(arrays[arrays.files[0]])
fitted = {name: fit(name) for name in names}
samples = [{name: values[i:i + 1] for name, values in fitted.items()} for i in range(count)]
made = quantizer.Quantizer(source, recipe.static_wi8_ai8() if scheme == "int8" else recipe.dynamic_wi8_afp32())
key = interpreter._interpreter.get_signature_list()
statistics = made.calibrate({next(iter(key)): samples}) if scheme == "int8" else None
made.quantize(statistics).export_model(output, overwrite=True)
""",
    "onnx": """
import sys
import numpy as np
from onnxruntime import InferenceSession
from onnxruntime.quantization import CalibrationDataReader, quant_pre_process, quantize_dynamic, quantize_static
source, output, data, scheme = sys.argv[1:]
arrays = np.load(data)
inputs = InferenceSession(source, providers=["CPUExecutionProvider"]).get_inputs()
dtypes = {"tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(int64)": np.int64}
class Reader(CalibrationDataReader):
    def __init__(self):
        fitted = {i.name: arrays[i.name].astype(dtypes[i.type]) for i in inputs}
        self.rows = iter([{name: a[n:n + 1] for name, a in fitted.items()} for n in range(len(arrays[inputs[0].name]))])
    def get_next(self):
        return next(self.rows, None)
prepared = output + ".prepared.onnx"
quant_pre_process(source, prepared, skip_symbolic_shape=True)
if scheme == "int8":
    quantize_static(prepared, output, Reader(), per_channel=True)
else:
    quantize_dynamic(prepared, output)
""",
}


def reference_file(framework: str, model: str, folder: Path, file: Path, scheme: str, data: Path) -> Path | None:
    """Quantize a model by a library's own defaults; `None` where the library fails.

    Keras becomes TFLite by TensorFlow's converter, PyTorch by ai-edge-quantizer with its own calibration, and
    either becomes ONNX by onnxruntime.quantization.

    Args:
        framework: `keras` or `torch`.
        model: Name of the model.
        folder: Where the trained models are.
        file: The float file that ours was made of.
        scheme: `int8` or `int8-dynamic`.
        data: Calibration samples, `.npz`.
    """
    program = PROGRAMS["onnx" if file.suffix == ".onnx" else framework]
    source = folder / f"{model}.keras" if file.suffix == ".tflite" and framework == "keras" else file
    output = folder / f"reference-{file.stem}-{scheme}{file.suffix}"
    argv = [sys.executable, "-c", program, str(source), str(output), str(data), scheme]
    done = subprocess.run(argv, capture_output=True, check=False)
    return output if done.returncode == 0 and output.exists() else None
