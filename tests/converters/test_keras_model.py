"""The Keras session: what it loads, what it refuses, and that what it exports is the same model."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.binding import open_exported
from edgekit_converters.detect import detect_source
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.settings import DataSettings, SourceSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import ConversionError, ModelError, RecipeError
from edgekit_runtime.progress import silent

KERAS = "edgekit_converters.keras"
SHOP = ("shop_layers",)


@pytest.fixture(scope="module")
def layer_models(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models with layers of the user's own, SavedModel folders, and borders of other forms."""
    folder = tmp_path_factory.mktemp("layer-models")
    argv = [sys.executable, repository / "tests/keras_models.py", folder, "layers"]
    subprocess.run(argv, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def session(layer_models: Path) -> Iterator[FrameworkSession]:
    """One session for all tests, which load one model after the other; its working folder holds shop_layers.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(layer_models)
        with FrameworkSession(KERAS) as opened:
            yield opened


def load(session: FrameworkSession, path: Path, *, trust: bool = False, custom: tuple[str, ...] = ()) -> SourceInfo:
    return session.load(SourceSettings(str(path), detect_source(path), trust=trust, custom=custom))


def outputs_of_both(
    session: FrameworkSession, info: SourceInfo, data: Path, folder: Path
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each output, what the loaded source gives and what its export gives, each `(N, ...)`."""
    session.predict(DataSettings(str(data), None, 0), folder / "source.npz", silent)
    session.export(folder / "model.tflite", "tflite")
    interpreter, border = open_exported(folder / "model.tflite", info)
    source, arrays = np.load(folder / "source.npz"), np.load(data)
    single = len(border.inputs) == 1
    rows = []
    for i in range(len(source[info.outputs[0].name])):
        for k, place in enumerate(border.file_order):
            spec = border.inputs[place].source
            interpreter.set_input(k, arrays["x" if single else spec.name][i : i + 1].astype(spec.dtype))
        interpreter.invoke()
        rows.append({spec.name: interpreter.output(k)[0] for k, spec in enumerate(interpreter.outputs)})
    return [
        (source[binding.source.name], np.stack([row[binding.stored.name] for row in rows]))
        for binding in border.outputs
    ]


def check_export(session: FrameworkSession, info: SourceInfo, data: Path, folder: Path) -> None:
    for source, exported in outputs_of_both(session, info, data, folder):
        assert np.ptp(source) > 0
        np.testing.assert_allclose(exported, source, atol=1e-5)


@pytest.mark.parametrize("name", ["cnn.keras", "cnn.h5"])
def test_an_export_gives_what_its_source_gives(
    session: FrameworkSession, keras_models: Path, tmp_path: Path, name: str
) -> None:
    info = load(session, keras_models / name)
    check_export(session, info, keras_models / "evaluate.npz", tmp_path)


def test_two_inputs_and_two_outputs_keep_names_and_order(
    session: FrameworkSession, keras_models: Path, tmp_path: Path
) -> None:
    info = load(session, keras_models / "two.keras")
    assert [spec.name for spec in info.inputs] == ["wide", "narrow"]
    assert [spec.name for spec in info.outputs] == ["sign", "area"]
    check_export(session, info, keras_models / "two.npz", tmp_path)


@pytest.mark.parametrize(("name", "outputs"), [("named", ["difference", "sum"]), ("twice", ["dense", "dense_1"])])
def test_outputs_have_names_of_their_own(
    session: FrameworkSession, layer_models: Path, tmp_path: Path, name: str, outputs: list[str]
) -> None:
    info = load(session, layer_models / f"{name}.keras")
    assert [spec.name for spec in info.inputs] == ["left", "right"]
    assert [spec.name for spec in info.outputs] == outputs
    check_export(session, info, layer_models / "sides.npz", tmp_path)


def test_a_model_is_told_by_its_content_not_by_its_suffix(
    session: FrameworkSession, keras_models: Path, tmp_path: Path
) -> None:
    disguised = tmp_path / "model.bin"
    disguised.write_bytes((keras_models / "cnn.keras").read_bytes())
    assert load(session, disguised) == load(session, keras_models / "cnn.keras")


@pytest.mark.parametrize("name", ["lambda.keras", "lambda.h5"])
def test_a_lambda_does_not_run_without_trust(session: FrameworkSession, keras_models: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"layer 'sneaky' is a Lambda layer.*--trust"):
        load(session, keras_models / name)
    assert load(session, keras_models / name, trust=True).parameters == 10


def test_a_layer_of_the_users_own_is_refused_by_name(session: FrameworkSession, keras_models: Path) -> None:
    with pytest.raises(ModelError, match=r"layer 'mine'.*Doubler"):
        load(session, keras_models / "custom.keras")


@pytest.mark.parametrize("name", ["scaled.keras", "scaled.h5", "activation.keras", "activation.h5"])
def test_a_class_or_function_that_cannot_be_found_is_named(
    session: FrameworkSession, layer_models: Path, name: str
) -> None:
    unknown = "Scaled" if name.startswith("scaled") else "squeezed"
    with pytest.raises(ModelError, match=rf"layer 'mine' names {unknown}, which cannot be found; looked in keras 3"):
        load(session, layer_models / name, trust=True)


def test_the_modules_that_were_looked_in_are_named(session: FrameworkSession, layer_models: Path) -> None:
    with pytest.raises(ModelError, match=r"names Scaled.*looked in keras [\d.]+, json\. .*--custom shop_layers"):
        load(session, layer_models / "scaled.keras", trust=True, custom=("json",))


@pytest.mark.parametrize("name", ["scaled.keras", "scaled.h5", "registered.keras", "activation.keras", "net.keras"])
def test_classes_of_the_users_own_come_from_their_module(
    session: FrameworkSession, layer_models: Path, tmp_path: Path, name: str
) -> None:
    info = load(session, layer_models / name, trust=True, custom=SHOP)
    check_export(session, info, layer_models / "four.npz", tmp_path)


def test_mixed_precision_is_exported_as_float32(session: FrameworkSession, layer_models: Path, tmp_path: Path) -> None:
    check_export(session, load(session, layer_models / "mixed.keras"), layer_models / "four.npz", tmp_path)


def test_a_module_that_cannot_be_imported_is_refused(session: FrameworkSession, layer_models: Path) -> None:
    with pytest.raises(RecipeError, match="--custom nowhere: there is no module nowhere"):
        load(session, layer_models / "scaled.keras", trust=True, custom=("nowhere",))


def test_a_loss_of_the_users_own_does_not_matter(session: FrameworkSession, layer_models: Path) -> None:
    assert load(session, layer_models / "loss.keras").parameters == 23


def test_a_free_axis_is_refused_with_the_input_that_has_it(session: FrameworkSession, keras_models: Path) -> None:
    with pytest.raises(ModelError, match=r"input \S+ has shape \(-1, -1, 4\)"):
        load(session, keras_models / "free.keras")


def test_a_batch_of_1_is_taken_and_any_other_refused(
    session: FrameworkSession, layer_models: Path, tmp_path: Path
) -> None:
    check_export(session, load(session, layer_models / "batch1.keras"), layer_models / "four.npz", tmp_path)
    for name in ("batch8.keras", "batch4"):
        with pytest.raises(ModelError, match=rf"{name}: it takes {name[5]} samples at a time"):
            load(session, layer_models / name)


def test_a_session_leaves_no_temporary_files(
    keras_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with FrameworkSession(KERAS):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_weights_without_a_model_are_refused(session: FrameworkSession, keras_models: Path) -> None:
    with pytest.raises(ModelError, match="weights only"):
        load(session, keras_models / "only.weights.h5")


@pytest.mark.parametrize("name", ["cnn.h5", "cnn.keras"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_file_that_was_cut_short_is_refused(
    session: FrameworkSession, keras_models: Path, tmp_path: Path, name: str, share: float
) -> None:
    content = (keras_models / name).read_bytes()
    cut = tmp_path / name
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match=f"{name}: "):
        load(session, cut)


def test_a_saved_model_gives_what_its_source_gave(
    session: FrameworkSession, keras_models: Path, layer_models: Path, tmp_path: Path
) -> None:
    info = load(session, layer_models / "exported")
    assert [spec.name for spec in info.inputs] == ["narrow", "wide"]
    assert [spec.shape for spec in info.outputs] == [(-1, 2), (-1, 3)]
    assert info.parameters == 39
    check_export(session, info, keras_models / "two.npz", tmp_path)


def test_the_only_signature_is_taken(session: FrameworkSession, layer_models: Path) -> None:
    assert [spec.name for spec in load(session, layer_models / "one-signature").outputs] == ["y"]


def test_one_of_several_signatures_is_not_guessed(session: FrameworkSession, layer_models: Path) -> None:
    with pytest.raises(ModelError, match=r"its signatures are: double, triple; allowed: .*serving_default"):
        load(session, layer_models / "two-signatures")


def test_a_saved_model_that_writes_files_needs_trust(session: FrameworkSession, layer_models: Path) -> None:
    with pytest.raises(ModelError, match=r"the operator WriteFile .*--trust"):
        load(session, layer_models / "leaking")
    assert not (layer_models / "leaked.txt").exists()
    assert load(session, layer_models / "leaking", trust=True).inputs[0].name == "x"


def test_a_loop_in_a_saved_model_is_refused_with_what_to_give(
    session: FrameworkSession, layer_models: Path, tmp_path: Path
) -> None:
    load(session, layer_models / "loop")
    with pytest.raises(ConversionError, match=r"loop of a recurrent layer.*\.keras or \.h5"):
        session.export(tmp_path / "model.tflite", "tflite")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_saved_model_is_refused(session: FrameworkSession, tmp_path: Path) -> None:
    for content in (b"", b"nonsense"):
        (tmp_path / "saved_model.pb").write_bytes(content)
        with pytest.raises(ModelError, match=tmp_path.name):
            load(session, tmp_path)
