"""edgekit_runtime.errors: stable codes, exit statuses, and errors that cross process borders."""

from __future__ import annotations

import pytest

from edgekit_runtime.errors import (
    BundleError,
    DeviceError,
    EdgekitError,
    ModelError,
    UserError,
    error_from_code,
    first_line,
)


def family(kind: type[EdgekitError] = EdgekitError) -> list[type[EdgekitError]]:
    return [kind] + [member for child in kind.__subclasses__() for member in family(child)]


def test_each_error_has_a_code_of_its_own():
    codes = [kind.code for kind in family()]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", family())
def test_an_error_rebuilt_from_its_code_is_the_same_error(kind: type[EdgekitError]):
    error = error_from_code(kind.code, "it is wrong.", "Mend it.")
    assert type(error) is kind
    assert (error.message, error.hint) == ("it is wrong.", "Mend it.")


def test_an_unknown_code_becomes_the_root_error():
    assert type(error_from_code("from-the-future", "text", "")) is EdgekitError


def test_exit_statuses_tell_wrong_input_from_a_failed_device():
    assert UserError.exit_status == BundleError.exit_status == 2
    assert DeviceError.exit_status == 3


def test_the_text_ends_with_the_hint():
    assert str(ModelError("m.tflite: cut short.", hint="Copy it again.")) == "m.tflite: cut short. Copy it again."
    assert str(ModelError("m.tflite: cut short.")) == "m.tflite: cut short."


def test_first_line_skips_empty_lines_and_is_short():
    assert first_line(ValueError("\n\n  bad magic \nmore")) == "bad magic"
    assert first_line(KeyError()) == "KeyError"
    assert len(first_line(ValueError("x" * 10_000))) <= 300
