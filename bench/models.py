"""The models that are measured: made or found, and converted with edgekit."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from usage import run_program

REPOSITORY = Path(__file__).parents[1]
CACHE = REPOSITORY / "bench/.cache"
EDGEKIT = Path(sys.executable).with_name("edgekit")
TARGET = "raspberry-pi-4b"
SAMPLES = 100


@dataclass(frozen=True)
class Source:
    """A source model and its calibration samples.

    Attributes:
        name: What to call it.
        model: The Keras file.
        data: The `.npz` file.
    """

    name: str
    model: Path
    data: Path


def mobilenet() -> Source:
    """MobileNetV2 of 224 x 224 with random weights and 100 random samples, made once into `bench/.cache`."""
    source = Source("MobileNetV2", CACHE / "mobilenet_v2.keras", CACHE / "samples_224.npz")
    if not source.model.exists():
        CACHE.mkdir(exist_ok=True)
        (CACHE / ".gitignore").write_text("*\n", encoding="utf-8")
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            made = Path(folder, "made.keras"), Path(folder, "made.npz")
            run_program("make_mobilenet.py", *made)
            made[1].rename(source.data)
            made[0].rename(source.model)
    return source


def resnet8() -> Source:
    """MLPerf Tiny's ResNet8, from the folder that `EDGEKIT_ASSETS` names.

    Raises:
        FileNotFoundError: It is not there; the text says where it was looked for.
    """
    model, data = "mlperf-tiny/pretrainedResnet.h5", "data/cifar10_train_0000-0299.npz"
    return Source("ResNet8", assets_file(model), assets_file(data))


def assets_file(name: str) -> Path:
    """A file of the folder that `EDGEKIT_ASSETS` names.

    Raises:
        FileNotFoundError: It is not there; the text says where it was looked for.
    """
    path = Path(os.environ.get("EDGEKIT_ASSETS") or REPOSITORY / "../shared/assets") / name
    if not path.exists():
        raise FileNotFoundError(f"{name} is not here; name the folder that holds it with EDGEKIT_ASSETS")
    return path


def conversion(source: Source, scheme: str, output: Path) -> list[str]:
    """The command line of a conversion with 100 calibration samples and without evaluation."""
    data = ["--calibrate", str(source.data), "--samples", str(SAMPLES)] if scheme == "int8" else []
    options = ["--target", TARGET, "--quantize", scheme, *data, "-o", str(output)]
    return [str(EDGEKIT), "--quiet", "convert", str(source.model), *options]


def convert(source: Source, scheme: str, output: Path) -> Path:
    """Convert a model; the `.tflite` file of the bundle."""
    subprocess.run(conversion(source, scheme, output), check=True, stdout=subprocess.DEVNULL)
    return output / "model.tflite"
