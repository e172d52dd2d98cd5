"""edgekit.pipeline.recipe_file: steps from TOML, with every fault told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.pipeline.recipe_file import (
    DistilTable,
    PruneTable,
    QuantizeTable,
    TrainTable,
    TransferTable,
    read_recipe,
)
from edgekit_runtime.errors import RecipeError

HEADER = 'schema = "edgekit/recipe"\nversion = 1\n'
WHOLE = """
name = "half"

[[steps]]
step = "transfer"
classes = 10

[[steps]]
step = "prune"
share = 0.5
rounds = 3
max_drop = 0.01

[[steps]]
step = "distil"
data = "train.npz"
teacher = "source"
epochs = 3

[[steps]]
step = "train"
patience = 2

[[steps]]
step = "quantize"
scheme = "int8"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_step_becomes_a_table_in_its_order(tmp_path):
    recipe = read_recipe(written(tmp_path, HEADER + WHOLE))
    assert (recipe.name, recipe.folder) == ("half", tmp_path)
    assert recipe.steps == (
        TransferTable(10),
        PruneTable(share=0.5, rounds=3, max_drop=0.01),
        DistilTable(data="train.npz", epochs=3, teacher="source"),
        TrainTable(patience=2),
    )
    assert recipe.quantize == QuantizeTable("int8")


def test_a_recipe_without_a_name_goes_by_its_file(tmp_path):
    recipe = read_recipe(written(tmp_path, HEADER + '[[steps]]\nstep = "train"\n'))
    assert (recipe.name, recipe.quantize) == ("recipe", None)


def test_all_faults_are_told_at_once(tmp_path):
    text = HEADER + (
        'colour = 1\n[[steps]]\nstep = "prune"\nshare = "half"\nspeed = 2\n'
        '[[steps]]\nstep = "quantize"\nscheme = "int8"\n[[steps]]\nstep = "shrink"\n'
    )
    with pytest.raises(RecipeError) as caught:
        read_recipe(written(tmp_path, text))
    lines = caught.value.message.splitlines()
    expected = ["colour: unknown", "steps[0].share", "steps[0].speed", "steps[2].step: is 'shrink'", "quantize stands"]
    for words in expected:
        assert any(words in line for line in lines), words
    assert all(line.startswith(str(tmp_path / "recipe.toml")) for line in lines)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("steps = [", "it is no TOML"),
        ('schema = "edgekit/profile"\nversion = 1', "schema"),
        ('schema = "edgekit/recipe"\nversion = 2', "version"),
        (HEADER, "steps: missing"),
        (HEADER + "steps = 3", "steps: missing"),
        (HEADER + "steps = [1]", "steps\\[0\\].step"),
        (HEADER + "name = 3\n[[steps]]\nstep = 'train'", "name: is no text"),
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path, text, told):
    with pytest.raises(RecipeError, match=told):
        read_recipe(written(tmp_path, text))


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(RecipeError, match=r"nothing.toml: cannot be read"):
        read_recipe(tmp_path / "nothing.toml")
