"""Every interpreter's adapter does the same: LiteRT's, onnxruntime's, and tflite-runtime's in its own environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.source import SourceInfo
from edgekit_runtime.agent import settings_arguments
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.codec import loads_document
from edgekit_runtime.errors import BundleError, DeviceError
from edgekit_runtime.golden import check_golden, read_golden
from edgekit_runtime.litert import BuiltinInterpreter, LiteRtInterpreter
from edgekit_runtime.record import Record
from edgekit_runtime.runs import BenchSettings
from edgekit_runtime.tensor import TensorSpec
from tests.bundle_files import seal, write_bundle
from tests.runtime.conformance import CHECKS, Place
from tests.runtime.conformance_models import write_models

HERE = Path(__file__).parent
OLD_PACKAGES = ("tflite-runtime==2.14.0", "numpy==1.26.4")  # the last of the one, built for the other
SHORT = BenchSettings(max_runs=5, warmup_s=0.0, sample_s=0.0, min_samples=3, energy_s=0.0)


@dataclass(frozen=True)
class Adapter:
    """An interpreter in an environment.

    Attributes:
        library: Its package.
        python: The environment's Python.
        place: Models of its format.
    """

    library: str
    python: str
    place: Place

    def run(self, *argv: str | Path) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": str(HERE.parents[1] / "runtime")}
        return subprocess.run([self.python, *argv], env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Place]:
    """The models of a format, written once."""
    written: dict[str, Place] = {}

    def find(model_format: str) -> Place:
        if model_format not in written:
            folder = write_models(model_format, tmp_path_factory.mktemp(model_format))
            written[model_format] = Place(model_format, folder)
        return written[model_format]

    return find


@pytest.fixture(
    scope="module", params=["ai-edge-litert", "onnxruntime", pytest.param("tflite-runtime", marks=pytest.mark.slow)]
)
def adapter(request: pytest.FixtureRequest, models: Callable[[str], Place]) -> Adapter:
    if request.param == "tflite-runtime":
        return Adapter(request.param, old_python(), models("tflite"))
    return Adapter(request.param, sys.executable, models("onnx" if request.param == "onnxruntime" else "tflite"))


def old_python() -> str:
    """A Python with tflite-runtime: an environment in the user's cache, made the first time it is needed."""
    own = sys.version_info[:2] == (3, 11)
    base = sys.executable if own else shutil.which("python3.11")
    if base is None:
        pytest.skip("tflite-runtime has wheels for Python up to 3.11, and no python3.11 is here")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "edgekit" / "tests" / "-".join(OLD_PACKAGES)
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        if own:
            venv.create(folder, with_pip=True)
        else:
            subprocess.run([base, "-m", "venv", folder], check=True)
        done = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--retries", "1", *OLD_PACKAGES],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"tflite-runtime cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
        ready.touch()
    return str(python)


@pytest.mark.parametrize("check", CHECKS)
def test_an_interpreter_does_as_every_interpreter_must(adapter, check):
    if adapter.python == sys.executable and check != "nothing_else_is_loaded":
        CHECKS[check](adapter.place)
        return
    done = adapter.run(HERE / "conformance.py", adapter.place.format, adapter.place.folder, check)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["float-bundle", "quantized-bundle", "dense"])
def test_the_agent_measures_with_it(adapter, name):
    path = adapter.place.folder / name if name.endswith("bundle") else adapter.place.path(name)
    done = adapter.run("-m", "edgekit_runtime", "bench", "--json", *settings_arguments(SHORT), path)
    assert done.returncode == 0, done.stdout + done.stderr
    record = loads_document(Record, done.stdout)
    assert record.environment.interpreter.split()[0] == adapter.library
    assert len(record.runs) == 5
    assert record.golden.samples == (4 if name.endswith("bundle") else 0)
    if adapter.place.format == "onnx":
        assert record.arena_size.reason  # onnxruntime does not tell of its plan


@pytest.fixture
def resnet(assets: Path, tmp_path: Path) -> Path:
    """A bundle of a real INT8 model, on which builtin kernels lie up to 20 steps from XNNPACK's."""
    model = assets / "mlperf-tiny/pretrainedResnet_quant.tflite"
    opened = LiteRtInterpreter(str(model))
    (given,), (wanted,) = opened.inputs, opened.outputs
    info = SourceInfo(
        (TensorSpec(given.name, (-1, *given.shape[1:]), "float32"),),
        (TensorSpec(wanted.name, (-1, 10), "float32"),),
        0,
        (),
    )
    pictures = np.random.default_rng(0).uniform(0, 255, (4, *given.shape[1:])).astype(np.float32)
    return write_bundle(tmp_path / "resnet", model, info, "int8", {given.name: pictures})


def test_outputs_of_builtin_kernels_are_held_against_those_of_builtin_kernels(resnet):
    with open_bundle(resnet) as bundle:
        builtin = BuiltinInterpreter(str(bundle.model_path))
        assert (bundle.manifest.kernels, builtin.kernels) == ("xnnpack", "builtin")
        assert check_golden(builtin, bundle).worst == 0


def test_a_bundle_without_them_holds_against_those_it_has(resnet):
    with open_bundle(resnet) as bundle:
        golden = read_golden(bundle.golden_path, bundle.manifest)
        seal(resnet, bundle.manifest, replace(golden, builtin=()))
        with pytest.raises(DeviceError, match="differs from the golden one"):
            check_golden(BuiltinInterpreter(str(bundle.model_path)), bundle)


def test_builtin_outputs_that_are_not_complete_are_refused(models, tmp_path):
    shutil.copytree(models("tflite").folder / "quantized-bundle", tmp_path / "bundle")
    with open_bundle(tmp_path / "bundle") as bundle:
        golden = read_golden(bundle.golden_path, bundle.manifest)
        assert golden.builtin
        seal(tmp_path / "bundle", bundle.manifest, replace(golden, builtin=(golden.builtin[0][:2],)))
        with pytest.raises(BundleError, match="the golden arrays have 2, 4 samples"):
            read_golden(bundle.golden_path, bundle.manifest)


@pytest.mark.slow
def test_a_device_with_tflite_runtime_passes_the_check_of_a_real_int8_model(resnet):
    done = Adapter("tflite-runtime", old_python(), Place("tflite", resnet)).run(
        "-m", "edgekit_runtime", "check", "--json", resnet
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["worst"] <= 1
