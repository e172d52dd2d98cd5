"""edgekit.pipeline.naming: no error names a file that only edgekit knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.pipeline.naming import named_for_the_user
from edgekit.pipeline.plan import Plan, make_plan
from edgekit.pipeline.request import Request
from edgekit_runtime.errors import ConversionError, ModelError
from tests.tflite_files import write_dense


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_plan(Request(write_dense(tmp_path / "dense.tflite"), "host", "float16"))


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("quantized.tflite", "dense.tflite as float16 TFLite: LiteRT refuses it."),
        ("float.tflite", "dense.tflite as float TFLite: LiteRT refuses it."),
        ("golden-inputs.npz", "the golden samples of dense.tflite: LiteRT refuses it."),
        ("other/file", "the work on it/other/file: LiteRT refuses it."),
    ],
)
def test_a_scratch_file_is_told_as_what_it_is_to_the_user(plan: Plan, tmp_path: Path, file: str, told: str) -> None:
    scratch = tmp_path / ".out-x1"
    with pytest.raises(ConversionError) as caught, named_for_the_user(plan, scratch):
        raise ModelError(f"{scratch / file}: LiteRT refuses it.", hint="The file may be damaged.")
    assert caught.value.message.replace(f"{tmp_path}/", "") == told
    assert caught.value.hint.startswith("Try another --quantize")


def test_other_errors_pass(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="model: it is damaged"), named_for_the_user(plan, tmp_path / ".out-x1"):
        raise ModelError("model: it is damaged.")
