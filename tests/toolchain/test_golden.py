"""edgekit.pipeline.golden: how far a device's outputs may lie from the golden ones."""

import pytest

from edgekit.pipeline.golden import bind_outputs
from edgekit_converters.binding import Border
from edgekit_converters.settings import SCHEMES
from edgekit_runtime.manifest import Binding, Tolerance
from edgekit_runtime.tensor import TensorSpec


def tolerance(scheme: str, dtype: str, *, signed_onnx: bool = False) -> Tolerance:
    source = TensorSpec("y", (-1, 3), "float32")
    border = Border((), (Binding(source, TensorSpec("t", (1, 3), dtype)),), ())
    (output,) = bind_outputs(border, scheme, signed_onnx=signed_onnx)
    return output.tolerance


@pytest.mark.parametrize("scheme", SCHEMES)
def test_float_outputs_are_held_to_a_share_of_their_range(scheme: str) -> None:
    found = tolerance(scheme, "float32")
    assert found.unit == "range"
    assert 1e-5 < found.limit <= 0.05
    assert found.limit_other_kernels >= found.limit


def test_integer_outputs_are_held_to_one_step() -> None:
    for scheme, dtype in (("int8", "int8"), ("int16x8", "int16")):
        assert (tolerance(scheme, dtype).unit, tolerance(scheme, dtype).limit) == ("step", 1.0)


def test_what_computes_in_float32_throughout_is_held_to_the_narrowest_share() -> None:
    limits = {scheme: tolerance(scheme, "float32").limit for scheme in SCHEMES}
    assert limits["float32"] == limits["int8-weight-only"] == min(limits.values())
    assert limits["float32"] < limits["float16"] < limits["int8-dynamic"]


def test_only_int8_of_signed_onnx_files_is_held_to_a_wider_share() -> None:
    assert tolerance("int8", "float32", signed_onnx=True).limit == 0.15
    for scheme in set(SCHEMES) - {"int8"}:
        assert tolerance(scheme, "float32", signed_onnx=True) == tolerance(scheme, "float32")
