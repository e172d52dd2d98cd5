"""The losses of both frameworks, held against their formulas in numpy."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from edgekit_converters.compress.losses import LossPlan, OutputLoss

pytestmark = pytest.mark.slow

TEMPERATURE = 3.0
RANDOM = np.random.default_rng(0)
LOGITS, TAUGHT = (RANDOM.normal(size=(6, 5)).astype(np.float32) * 2 for _ in range(2))
PIXELS, PIXELS_TAUGHT = (RANDOM.normal(size=(6, 3, 4, 4)).astype(np.float32) for _ in range(2))
CLASSES, PIXEL_CLASSES = RANDOM.integers(0, 5, 6), RANDOM.integers(0, 3, (6, 4, 4))
YES = (RANDOM.random((6, 5)) > 0.5).astype(np.float32)
PROGRAM = """
import json, sys
import numpy as np
framework, cases = sys.argv[1], json.loads(sys.stdin.read())
from edgekit_converters.compress.losses import LossPlan
from edgekit_runtime.codec import decode
if framework == "keras":
    import tensorflow as tf
    from edgekit_converters.keras.train.features import attention_map
    from edgekit_converters.keras.train.losses import make_loss, map_distance
    tensor = tf.constant
    channels = lambda values: attention_map(tf.constant(np.moveaxis(values, 1, -1)))
else:
    import torch
    from edgekit_converters.torch.train.features import attention_map
    from edgekit_converters.torch.train.losses import make_loss, map_distance
    tensor = torch.from_numpy
    channels = lambda values: attention_map(torch.nn.Identity(), torch.from_numpy(values))
found = []
for case in cases:
    named = lambda key: {} if case[key] is None else {"out": tensor(np.array(case[key][0], case[key][1]))}
    loss = make_loss(decode(LossPlan, case["plan"]))
    found.append(float(loss(named("output"), {}, named("label"), named("teacher"))))
ours, theirs = (np.random.default_rng(seed).normal(size=(2, 3, 4, 4)).astype("float32") for seed in (1, 2))
found.append(float(map_distance(channels(ours), channels(theirs))))
print(json.dumps(found))
"""


def softmax(values: np.ndarray, axis: int = -1) -> np.ndarray:
    shares = np.exp(values - values.max(axis=axis, keepdims=True))
    return np.asarray(shares / shares.sum(axis=axis, keepdims=True))


def sigmoid(values: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-values)))


def divergence(ours: np.ndarray, theirs: np.ndarray, axis: int = -1) -> float:
    p, q = softmax(theirs / TEMPERATURE, axis), softmax(ours / TEMPERATURE, axis)
    return float(TEMPERATURE**2 * np.mean(np.sum(p * np.log(p / q), axis=axis)))


def binary_divergence(ours: np.ndarray, theirs: np.ndarray) -> float:
    p, q = sigmoid(theirs / TEMPERATURE), sigmoid(ours / TEMPERATURE)
    return float(TEMPERATURE**2 * np.mean(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))))


def case(kind: str, output: np.ndarray, label: Any, teacher: Any, expected: float, **others: Any) -> dict[str, Any]:
    settings = {
        "probabilities": False,
        "axis": -1,
        "numbered": False,
        "label_weight": 1.0,
        "teacher_weight": 0.0,
    } | others
    one = OutputLoss("out", "classification", kind, classes=5, target=(), **settings)
    return {"plan": LossPlan((one,), TEMPERATURE), "output": output, "label": label, "teacher": teacher, "is": expected}


ROWS = np.arange(6)
HARD = float(-np.mean(np.log(softmax(LOGITS)[ROWS, CLASSES])))
BINARY = float(-np.mean(YES * np.log(sigmoid(LOGITS)) + (1 - YES) * np.log(1 - sigmoid(LOGITS))))
PIXEL_HARD = float(-np.mean(np.log(np.take_along_axis(softmax(PIXELS, 1), PIXEL_CLASSES[:, None], 1))))
TAUGHT_ALONE = {"label_weight": 0.0, "teacher_weight": 1.0}
CASES = (
    case("categorical", LOGITS, CLASSES, None, HARD, numbered=True),
    case("categorical", softmax(LOGITS), CLASSES, None, HARD, numbered=True, probabilities=True),
    case("categorical", LOGITS, np.eye(5, dtype=np.float32)[CLASSES], None, HARD),
    case("categorical", PIXELS, PIXEL_CLASSES, None, PIXEL_HARD, numbered=True, axis=1),
    case("binary", LOGITS, YES, None, BINARY),
    case("binary", sigmoid(LOGITS), YES, None, BINARY, probabilities=True),
    case("squared", LOGITS, TAUGHT, None, float(np.mean((LOGITS - TAUGHT) ** 2))),
    case("categorical", LOGITS, None, TAUGHT, divergence(LOGITS, TAUGHT), **TAUGHT_ALONE),
    case("categorical", softmax(LOGITS), None, TAUGHT, divergence(LOGITS, TAUGHT), probabilities=True, **TAUGHT_ALONE),
    case("categorical", PIXELS, None, PIXELS_TAUGHT, divergence(PIXELS, PIXELS_TAUGHT, 1), axis=1, **TAUGHT_ALONE),
    case("categorical", LOGITS, None, LOGITS, 0.0, **TAUGHT_ALONE),
    case("binary", LOGITS, None, TAUGHT, binary_divergence(LOGITS, TAUGHT), **TAUGHT_ALONE),
    case("squared", LOGITS, None, TAUGHT, float(np.mean((LOGITS - TAUGHT) ** 2)), **TAUGHT_ALONE),
    case(
        "categorical",
        LOGITS,
        CLASSES,
        TAUGHT,
        0.25 * HARD + 0.75 * divergence(LOGITS, TAUGHT),
        numbered=True,
        label_weight=0.25,
        teacher_weight=0.75,
    ),
)


def map_distance() -> float:
    maps = []
    for seed in (1, 2):
        squares = np.mean(np.random.default_rng(seed).normal(size=(2, 3, 4, 4)).astype("float32") ** 2, axis=1)
        maps.append(squares / np.sqrt(np.sum(squares**2, axis=(1, 2), keepdims=True)))
    return float(np.mean(np.sum((maps[0] - maps[1]) ** 2, axis=(1, 2))))


@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_losses_are_what_their_formulas_say(framework: str) -> None:
    from edgekit_runtime.codec import encode

    def sent(value: np.ndarray | None) -> object:
        return None if value is None else [value.tolist(), value.dtype.name]

    asked = [
        {"plan": encode(one["plan"])} | {key: sent(one[key]) for key in ("output", "label", "teacher")} for one in CASES
    ]
    argv = [sys.executable, "-c", PROGRAM, framework]
    done = subprocess.run(argv, input=json.dumps(asked), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(found, [*(one["is"] for one in CASES), map_distance()], rtol=2e-4, atol=1e-6)
