"""Load a saved model of layers: with Keras 3, and with tf_keras what Keras 3 cannot take."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras

from edgekit_converters.keras.config import SavedClass, SavedConfig, classes, layer_that_names, read_config
from edgekit_converters.keras.custom import Custom
from edgekit_converters.keras.finite import check_weights
from edgekit_converters.keras.layers import LayersProgram, with_inputs
from edgekit_converters.keras.recurrent import unroll
from edgekit_converters.keras.renew import KERAS2_HARD_SIGMOID, in_float32, renew
from edgekit_converters.keras.rewrite import copy_with
from edgekit_runtime.errors import ModelError, first_line

SUFFIXES = {"keras": ".keras", "keras-h5": ".h5"}
INSTALL = "Run: pip install 'edgekit[keras]', which brings tf_keras."
# How the two libraries say that they do not know a class or a function.
UNKNOWN = re.compile(
    r"(?:Unknown [\w ]+: '?|Could not locate (?:class|function) '|Could not deserialize (?:class |function )?'"
    r"|function identifier: |object of type `)(?:[\w.>]*[.>])?(\w+)"
)


@dataclass(frozen=True)
class Failure:
    """What one library said.

    Attributes:
        library: Its name and version.
        cause: Its innermost reason, in one line.
        unknown: The class or function that it does not know; empty otherwise.
    """

    library: str
    cause: str
    unknown: str


def load_layers(path: Path, source_format: str, trust: bool, custom: Custom) -> LayersProgram:
    """Load a `.keras` or `.h5` file.

    Keras 3 gets what older versions saved with a renewed configuration; what it still cannot load goes to
    tf_keras, the last Keras 2, where that is installed.

    Args:
        path: The file.
        source_format: `keras` or `keras-h5`.
        trust: Whether code inside the file may run.
        custom: The user's own classes and functions.

    Raises:
        ModelError: No library can load it, or its inputs cannot be known.
        ConversionError: It has a recurrent layer that cannot be unrolled.
    """
    config = read_config(path, source_format)
    failures = []
    for library, tree in _steps(config):
        try:
            model = _load(library, path, source_format, tree, trust, custom)
        except OSError as error:
            raise ModelError(
                f"{path}: the file is damaged or cut short: {first_line(error)}", hint="Save or copy it again."
            ) from error
        except Exception as error:  # noqa: BLE001  # Keras raises many kinds; _refusal tells what each library said
            failures.append(_failure(library, error))
        else:
            return make_program(model, library, path)
    raise _refusal(path, config, failures, custom)


def _steps(config: SavedConfig) -> list[tuple[Any, Any]]:
    """Libraries in the order in which they are tried, each with its configuration; `None` for the file as it is."""
    tree = in_float32(config.tree)
    if not config.old:
        return [(keras, None if tree == config.tree else tree)]
    steps = [(keras, renew(tree))]
    if find_spec("tf_keras") is not None:
        import tf_keras

        steps.append((tf_keras, tree))
    return steps


def _load(library: Any, path: Path, source_format: str, tree: Any, trust: bool, custom: Custom) -> Any:
    with tempfile.TemporaryDirectory(prefix="edgekit-keras-") as folder:
        file = Path(folder, "model" + SUFFIXES[source_format])  # Keras goes by the suffix; edgekit goes by the content
        if tree is None:
            os.symlink(path.resolve(), file)
        else:
            copy_with(tree, path, source_format, file)
        return library.models.load_model(file, compile=False, safe_mode=not trust, custom_objects=dict(custom.objects))


def make_program(model: Any, library: Any, path: Path) -> LayersProgram:
    """Make a program of a loaded model.

    Args:
        model: A model of Keras 3 or tf_keras.
        library: That library.
        path: Where the model came from, for errors.

    Raises:
        ModelError: Its inputs cannot be known, or it has NaN among its weights.
        ConversionError: It has a recurrent layer that cannot be unrolled.
    """
    known = with_inputs(model, library)
    if known is None:
        raise ModelError(
            f"{path}: it does not tell the shape of its inputs.", hint="Call the model once on data, then save it."
        )
    check_weights(path, known.weights)
    return LayersProgram(known, unroll(known, library, path), library)


def _failure(library: Any, error: Exception) -> Failure:
    cause = str(error).rpartition("Exception encountered:")[2].strip() or type(error).__name__
    found = UNKNOWN.search(cause)
    line = re.split(r"\.? Make sure |\.? Please ensure |\.? Full object config", cause.splitlines()[0])[0]
    name = f"{library.__name__} {library.__version__}"
    return Failure(name, first_line(ValueError(line)), found[1] if found else "")


def _refusal(path: Path, config: SavedConfig, failures: list[Failure], custom: Custom) -> ModelError:
    lacking = config.old and len(failures) == 1
    if failures[-1].unknown:
        return _unknown_class(path, config, failures, custom, INSTALL if lacking else "")
    said = "; ".join(f"{failure.library}: {failure.cause.rstrip('.')}" for failure in failures)
    return ModelError(
        f"{path}: it cannot be loaded. {said}.", hint=INSTALL if lacking else "See the whole log with -v."
    )


def _unknown_class(path: Path, config: SavedConfig, failures: list[Failure], custom: Custom, hint: str) -> ModelError:
    name = failures[-1].unknown
    layer = layer_that_names(config.tree, name)
    named = next((found for found in classes(config.tree) if found.name == name), SavedClass(name, layer, "", True))
    places = ", ".join([*(failure.library for failure in failures), *custom.modules])
    return ModelError(
        f"{path}: {f'layer {layer!r}' if layer else 'it'} names {name}, which cannot be found; looked in {places}.",
        hint=hint or f"Name the module that defines it: --trust {named.option}",
    )


def _keras2_hard_sigmoid(values: Any) -> Any:
    return keras.ops.clip(0.2 * values + 0.5, 0.0, 1.0)


keras.saving.register_keras_serializable(*KERAS2_HARD_SIGMOID.split(">"))(_keras2_hard_sigmoid)
