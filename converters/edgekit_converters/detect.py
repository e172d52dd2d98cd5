"""Tell a source model's format by its content, without opening it with a framework."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from pathlib import Path

from edgekit_runtime.bundle import sha256_of
from edgekit_runtime.errors import ModelError
from edgekit_runtime.formats import is_onnx, is_tflite
from edgekit_runtime.manifest import MANIFEST_FILE

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"  # HDF5 file format specification, version 3, section II.A
ZIP_MAGIC = b"PK\x03\x04"
WEIGHTS = (".pt", ".pth", ".th", ".safetensors")
SAVED_MODEL = "saved_model.pb"
ALLOWED = (
    "allowed: a Keras model as .keras or .h5, a SavedModel folder, a PyTorch program as .pt2, "
    "code that makes a PyTorch model as file.py:function or module:Class, .onnx, .tflite"
)
SAVE = "Save it with model.save('model.keras'), or torch.export.save(program, 'model.pt2')."
CODE = re.compile(r"(?:.+\.py|[A-Za-z_][\w.]*):[A-Za-z_]\w*")


def detect_source(path: Path) -> str:
    """Tell a source model's format: `keras`, `keras-h5`, `saved-model`, `torch-export`, `torch-code`, `onnx`, `tflite`.

    Raises:
        ModelError: There is no such file, or it is no model this edgekit converts.
    """
    if CODE.fullmatch(str(path)) and not os.path.exists(path):
        return "torch-code"
    if os.path.isdir(path):
        if os.path.isfile(os.path.join(path, SAVED_MODEL)):
            return "saved-model"
        if os.path.isfile(os.path.join(path, MANIFEST_FILE)):
            raise _bundle(path)
        raise ModelError(f"{path}: it is a folder without {SAVED_MODEL}; {ALLOWED}.", hint=SAVE)
    found = _by_content(path)
    if found is not None:
        return found
    if path.suffix in WEIGHTS:
        raise _only_weights(path)
    raise ModelError(f"{path}: it is not a model; {ALLOWED}.", hint=SAVE)


def _by_content(path: Path) -> str | None:
    try:
        with open(path, "rb") as file:
            head, tflite, onnx = file.read(8), is_tflite(file), is_onnx(file)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file.", hint="Check the path.") from error
    except OSError as error:
        raise ModelError(f"{path}: it cannot be read: {error.strerror}.") from error
    if head == HDF5_MAGIC:
        return "keras-h5"
    if _is_keras_zip(path):
        return "keras"
    if head[:4] == ZIP_MAGIC:
        return _torch_zip(path)
    return "tflite" if tflite else "onnx" if onnx else None


def _torch_zip(path: Path) -> str:
    """What PyTorch saved: a program, or weights, which are no model without the code that they belong to."""
    names = _zip_names(path)
    if any(name.endswith(("archive_format", "serialized_exported_program.json")) for name in names):
        return "torch-export"
    if MANIFEST_FILE in names:
        raise _bundle(path)
    if any(name.endswith("/constants.pkl") for name in names):
        raise ModelError(
            f"{path}: it is a TorchScript program, which PyTorch no longer exports; {ALLOWED}.",
            hint="Take the module that was scripted: torch.export.save(torch.export.export(model.eval(), inputs), "
            "'model.pt2').",
        )
    if any(name.endswith("/data.pkl") for name in names):
        raise _only_weights(path)
    raise ModelError(f"{path}: it is a zip, but no model, or a damaged one; {ALLOWED}.", hint=SAVE)


def _bundle(path: Path) -> ModelError:
    return ModelError(
        f"{path}: it is a bundle, whose model was exported already; {ALLOWED}.",
        hint="Give what the bundle was made from, or the .tflite or .onnx inside it.",
    )


def _only_weights(path: Path) -> ModelError:
    return ModelError(
        f"{path}: it holds weights, or a pickled or scripted module, which edgekit does not run; {ALLOWED}.",
        hint=f"Name the code that makes the model: edgekit convert file.py:function --weights {path}",
    )


def _is_keras_zip(path: Path) -> bool:
    return {"config.json", "metadata.json"} <= _zip_names(path)


def _zip_names(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return set()


def checksum_source(path: Path) -> str:
    """The sha256 of a source model, as hexadecimal digits; of a folder, that of its files' names and checksums.

    Of code that makes a model it is that of the file, or of a module's name, since a module may lie anywhere.
    """
    if CODE.fullmatch(str(path)) and not path.exists():
        file = Path(str(path).rpartition(":")[0])
        return sha256_of(file) if file.is_file() else hashlib.sha256(str(path).encode()).hexdigest()
    if not path.is_dir():
        return sha256_of(path)
    files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    lines = (f"{sha256_of(path / name)}  {name}\n" for name in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
