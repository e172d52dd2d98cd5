"""edgekit.pipeline.steps: what the command line and a recipe ask for, resolved with reasons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.pipeline.plan import Plan, make_plan
from edgekit.pipeline.recipe import PruneStep, TrainStep, TransferStep, recipe_sha256
from edgekit.pipeline.request import Request
from edgekit_runtime.errors import DataError, RecipeError

HEADER = 'schema = "edgekit/recipe"\nversion = 1\n'


@pytest.fixture
def asked(tmp_path: Path) -> Request:
    model, data = tmp_path / "model.h5", tmp_path / "data.npz"
    model.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    data.touch()
    return Request(model, "raspberry-pi-4b", quantize="float32", output=tmp_path / "out")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data.npz"


def choices(plan: Plan) -> dict[str, str]:
    return {choice.what: f"{choice.value} | {choice.reason}" for choice in plan.choices}


def with_recipe(asked: Request, steps: str) -> Request:
    path = asked.model.parent / "recipe.toml"
    path.write_text(HEADER + steps, encoding="utf-8")
    return replace(asked, recipe=path)


def test_nothing_asked_is_no_step(asked):
    assert make_plan(asked).recipe.steps == ()


def test_pruning_takes_the_alignment_of_the_target(asked):
    plan = make_plan(replace(asked, prune=0.5))
    (step,) = plan.recipe.steps
    assert isinstance(step, PruneStep)
    assert (step.settings.share, step.settings.alignment, step.rounds) == (0.5, 8, 1)
    assert "50 % of the MACs" in choices(plan)["prune"]
    assert "raspberry-pi-4b" in choices(plan)["prune"]


def test_an_accelerator_tells_its_own_alignment(asked, data):
    plan = make_plan(
        replace(asked, target="ethos-u55-256", quantize=None, calibrate=asked.model.parent / "data.npz", prune=0.5)
    )
    (step,) = plan.recipe.steps
    assert isinstance(step, PruneStep)
    assert step.settings.alignment == plan.target.profile.npu.channel_alignment.value


def test_flags_make_the_steps_in_their_order(asked, data):
    plan = make_plan(replace(asked, classes=3, prune=0.3, train=data, epochs=2, learning_rate=0.1, teacher="source"))
    head, prune, train = plan.recipe.steps
    assert isinstance(head, TransferStep)
    assert head.settings.classes == 3
    assert isinstance(prune, PruneStep)
    assert isinstance(train, TrainStep)
    assert train.teacher is not None
    assert train.teacher.source is None
    assert (train.settings.epochs, train.settings.learning_rate) == (2, 0.1)
    assert "the network itself, before pruning" in choices(plan)["distil"]


def test_a_limit_on_the_drop_prunes_in_rounds(asked, data):
    plan = make_plan(replace(asked, prune=0.5, max_drop=0.01, train=data, evaluate=data))
    step = plan.recipe.steps[0]
    assert isinstance(step, PruneStep)
    assert (step.rounds, step.max_drop) == (5, 0.01)
    assert "5 rounds" in choices(plan)["prune"]


def test_paths_in_a_recipe_are_relative_to_its_folder(asked, data, monkeypatch):
    monkeypatch.chdir("/")
    plan = make_plan(with_recipe(asked, '[[steps]]\nstep = "train"\ndata = "data.npz"\n'))
    (step,) = plan.recipe.steps
    assert isinstance(step, TrainStep)
    assert Path(step.settings.data.path) == data


def test_a_recipe_may_leave_its_data_to_the_command_line_and_name_the_scheme(asked, data):
    steps = '[[steps]]\nstep = "prune"\nwidth = 0.5\nwidths = "uniform"\n[[steps]]\nstep = "train"\n'
    request = replace(with_recipe(asked, steps + '[[steps]]\nstep = "quantize"\nscheme = "float16"\n'), quantize=None)
    plan = make_plan(replace(request, train=data))
    assert (plan.recipe.name, plan.recipe.quantize.scheme) == ("recipe", "float16")
    assert "50 % of the width" in choices(plan)["prune"]


def test_a_teacher_may_be_of_another_framework(asked, data, tmp_path):
    (tmp_path / "teacher.onnx").write_bytes(b"\x08\x08")
    steps = '[[steps]]\nstep = "distil"\nteacher = "big.py:make"\nteacher_weights = "big.pt"\nweight = 1.0\n'
    (tmp_path / "big.py").write_text("")
    plan = make_plan(replace(with_recipe(asked, steps), train=data))
    (step,) = plan.recipe.steps
    assert isinstance(step, TrainStep)
    assert step.teacher is not None
    assert step.teacher.source is not None
    assert step.teacher.source.format == "torch-code"
    assert step.teacher.source.weights == str(tmp_path / "big.pt")


def test_features_of_a_finished_teacher_are_refused_with_the_fix(asked, data, tmp_path):
    (tmp_path / "t.tflite").write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(100))
    steps = '[[steps]]\nstep = "distil"\nteacher = "t.tflite"\nfeature_weight = '
    with pytest.raises(RecipeError, match=r"still a network, .*feature_weight = 0"):
        make_plan(replace(with_recipe(asked, steps + "1.0\n"), train=data))
    (step,) = make_plan(replace(with_recipe(asked, steps + "0.0\n"), train=data)).recipe.steps
    assert isinstance(step, TrainStep)


def test_the_digest_of_a_recipe_does_not_tell_where_its_data_lies(asked, tmp_path):
    digests = set()
    for name in ("here", "there"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "data.npz").touch()
        plan = make_plan(replace(asked, prune=0.5, importance="taylor", train=folder / "data.npz"))
        digests.add(recipe_sha256(plan.recipe))
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"prune": 0.0}, "--prune is 0; allowed: a share above 0 and below 1"),
        ({"prune": 1.0}, "--prune is 1;"),
        ({"prune": float("nan")}, "--prune is nan;"),
        ({"prune": 0.5, "importance": "l3"}, "importance l3: unknown; allowed: l1, l2"),
        ({"prune": 0.5, "importance": "taylor"}, "taylor needs samples"),
        ({"prune": 0.5, "max_drop": 0.01}, "--max-drop is held against the accuracy"),
        ({"max_drop": 0.01}, "--max-drop limits"),
        ({"epochs": 3}, "--epochs and --learning-rate are for training"),
        ({"teacher": "source"}, "Training needs samples"),
        ({"classes": 1, "train": "data"}, "classes is 1; allowed: 2 or more"),
        ({"classes": 3}, "A new head knows nothing yet"),
        ({"train": "data", "epochs": 0}, "epochs is 0; allowed: 1 or more"),
        ({"train": "data", "learning_rate": -1.0}, "learning_rate is -1;"),
        ({"recipe": Path("some.toml"), "prune": 0.5}, "--prune and --recipe some.toml both say"),
    ],
)
def test_what_contradicts_itself_is_told(asked, data, fields, told):
    fields = {name: data if value == "data" else value for name, value in fields.items()}
    with pytest.raises(RecipeError) as caught:
        make_plan(replace(asked, **fields))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ('[[steps]]\nstep = "prune"\n', "exactly one of share"),
        ('[[steps]]\nstep = "prune"\nshare = 0.5\nwidth = 0.5\n', "exactly one of share"),
        ('[[steps]]\nstep = "prune"\nshare = 0.5\nwidths = "random"\n', "widths random: unknown"),
        ('[[steps]]\nstep = "prune"\nshare = 0.5\nrounds = 2\n', "Pruning in rounds trains after each"),
        ('[[steps]]\nstep = "prune"\nwidth = 0.5\nrounds = 2\n', "a width is taken at once"),
        ('[[steps]]\nstep = "train"\ntask = "guessing"\n', "task guessing: unknown"),
        ('[[steps]]\nstep = "train"\nfreeze = 2\n', "freeze is 2; allowed: from 0 to below 1"),
        ('[[steps]]\nstep = "train"\nfreeze = 1.0\n', "freeze is 1; allowed: from 0 to below 1"),
        ('[[steps]]\nstep = "train"\nwarmup_share = 1.0\n', "warmup_share is 1; allowed: from 0 to below 1"),
        ('[[steps]]\nstep = "distil"\nweight = 0.0\n', "weight is 0; allowed: above 0 and at most 1"),
        ('[[steps]]\nstep = "distil"\nweight = 1.5\n', "weight is 1.5; allowed: above 0 and at most 1"),
        ('[[steps]]\nstep = "train"\n[[steps]]\nstep = "transfer"\nclasses = 3\n', "comes before every other"),
        ('[[steps]]\nstep = "train"\n[[steps]]\nstep = "quantize"\nscheme = "int8"\n', "says int8; allowed: one of"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_told(asked, data, steps, told):
    with pytest.raises(RecipeError) as caught:
        make_plan(replace(with_recipe(asked, steps), train=data))
    assert told in str(caught.value)


def test_a_file_that_was_exported_already_is_refused_before_it_is_read(asked, tmp_path):
    model = tmp_path / "model.tflite"
    model.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(100))
    with pytest.raises(RecipeError, match=r"--prune needs a network that can still learn"):
        make_plan(replace(asked, model=model, prune=0.5))


def test_missing_training_data_is_told(asked):
    with pytest.raises(DataError, match=r"nothing.npz: no such file"):
        make_plan(replace(asked, train=Path("nothing.npz")))
