"""edgekit.cli.targets: what users and machines see of targets, and what a plan says of a target's hardware."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import edgekit
from edgekit.cli.main import main
from edgekit_runtime.errors import ProfileError
from edgekit_targets.catalog import load_profile, target_names

OWN = 'schema = "edgekit/profile"\nversion = 1\nextends = "raspberry-pi-4b"\nname = "kitchen"\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def write(folder: Path, file: str, more: str = "") -> None:
    (folder / file).write_text(OWN + more)


def test_the_list_names_every_target_and_fits_80_columns(capsys):
    assert main(["targets", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:] if not line.startswith(" ")] == list(target_names())
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    "line",
    [
        "raspberry-pi-5        4        2400 MHz   1 GiB     yes          int8",
        "raspberry-pi-zero-2w  4        1000 MHz   512 MiB   no           int8",
        "host                  unknown  unknown    unknown   unknown      int8",
    ],
)
def test_the_list_says_cores_clock_memory_dot_product_and_recipe(capsys, line):
    main(["targets", "list"])
    assert line in capsys.readouterr().out.splitlines()


def test_each_target_is_listed_in_one_line_with_one_for_its_summary(capsys):
    main(["targets", "list"])
    assert len(capsys.readouterr().out.splitlines()) == 1 + 2 * len(target_names())


def test_machines_get_the_list_with_null_for_what_is_not_known(capsys):
    assert main(["targets", "list", "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in tree["targets"]}
    assert tree["schema"] == "edgekit/targets"
    assert rows["raspberry-pi-5"]["dot_product"] is True
    assert rows["raspberry-pi-zero-2w"]["ram_kib"] == 524288
    assert rows["host"]["clock_mhz"] is None


@pytest.mark.parametrize("name", target_names())
def test_a_target_is_shown_with_each_figure_its_source_and_its_confidence(capsys, name):
    assert main(["targets", "show", name]) == 0
    out = capsys.readouterr().out
    shown = " ".join(out.split())
    profile = load_profile(name).profile
    for key in profile.sources:
        assert f"[{key}]" in shown
    for part in ("cpu", "memory", "power"):
        for key, figure in vars(getattr(profile, part)).items():
            assert f"{part}.{key}" in shown
            if hasattr(figure, "confidence"):
                assert f"({figure.confidence}) [{figure.source}]" in shown
                assert figure.note in shown
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    "line",
    [
        "cpu.clock_mhz                     1500 MHz (vendor) [bcm2711]",
        "cpu.caches.l2_kib                 1 MiB (vendor) [bcm2711]",
        "memory.bandwidth_mb_s             2554 MB/s (verified) [sbc-bench-3egs]",
        "power.idle_mw                     2290 mW (estimated) [powerjoular]",
        "budgets.peak_rss_kib  at most 512 MiB",
        "cpu.speed.int8_macs_per_cycle     8 (estimated) [arm-pipelines]",
    ],
)
def test_figures_are_shown_with_their_units(capsys, line):
    main(["targets", "show", "raspberry-pi-4b"])
    assert line in [shown.rstrip() for shown in capsys.readouterr().out.splitlines()]


def test_a_profile_of_the_users_own_is_shown_with_what_it_extends(capsys, folder):
    write(folder, "own.toml", "budgets.latency_p50_ms = 12.5\n")
    assert main(["targets", "show", "own.toml", "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert (tree["schema"], tree["name"]) == ("edgekit/profile", "kitchen")
    assert tree["cpu"]["clock_mhz"]["value"] == 1500
    assert tree["budgets"]["latency_p50_ms"] == 12.5


def test_an_unknown_target_is_one_error(capsys):
    assert main(["targets", "show", "raspberry-pi-6", "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["code"] == "profile"
    assert captured.err.startswith("error: There is no target 'raspberry-pi-6'; allowed: ")


def test_sound_profiles_are_valid(capsys, folder):
    write(folder, "own.toml")
    assert main(["targets", "validate", "own.toml", "host"]) == 0
    assert capsys.readouterr().out == "own.toml: valid\nhost: valid\n"


def test_every_fault_of_every_file_is_told_with_status_2(capsys, folder):
    write(folder, "own.toml")
    write(folder, "bad.toml", "gpu = 1\nbudgets.load_time_ms = 0\n")
    assert main(["targets", "validate", "bad.toml", "own.toml", "gone.toml"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("; ")[0] for line in lines[:2]] == [
        "bad.toml: budgets: load_time_ms not above 0",
        "bad.toml: gpu: unknown",
    ]
    assert lines[2] == "own.toml: valid"
    assert lines[3].startswith("gone.toml: the profile cannot be read: No such file")
    assert len(lines) == 4


def test_machines_get_the_faults_by_file(capsys, folder):
    write(folder, "own.toml")
    write(folder, "self.toml", "gpu = 1\n")
    (folder / "self.toml").write_text(OWN.replace("raspberry-pi-4b", "self.toml"))
    assert main(["targets", "validate", "own.toml", "self.toml", "--json"]) == 2
    tree = json.loads(capsys.readouterr().out)
    assert tree["schema"] == "edgekit/validation"
    assert tree["files"] == [
        {"file": "own.toml", "valid": True, "faults": []},
        {
            "file": "self.toml",
            "valid": False,
            "faults": ["self.toml: extends: is the file itself; allowed: another profile."],
        },
    ]


@pytest.mark.parametrize("argv", [["validate"], ["show"], ["list", "x"], ["frobnicate"]])
def test_what_is_not_asked_rightly_is_a_usage_error(capsys, argv):
    assert main(["targets", *argv]) == 2
    assert "Usage: edgekit targets" in capsys.readouterr().err


def test_from_python_targets_are_all_those_of_the_catalog_or_those_named(folder):
    write(folder, "own.toml")
    assert [loaded.profile.name for loaded in edgekit.targets()] == list(target_names())
    assert [loaded.profile.name for loaded in edgekit.targets("own.toml", "host")] == ["kitchen", "host"]
    with pytest.raises(ProfileError):
        edgekit.targets("raspberry-pi-6")


def test_what_the_how_to_shows_is_what_is_printed(capsys, folder, repository):
    page = (repository / "docs" / "how-to" / "add-a-target.md").read_text()
    (profile,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (folder / "kitchen-pi.toml").write_text(profile)
    broken = profile.replace('confidence = "verified"\n', "").replace("latency_p50_ms = 40", "latency_p50_ms = 0")
    (folder / "broken.toml").write_text(broken)
    examples = re.findall(r"```\n\$ edgekit (.*?)\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 4
    for command, shown in examples:
        main(command.split())
        printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        if "..." in shown:
            assert set(shown.splitlines()) - {"..."} <= set(printed)
        else:
            assert shown.splitlines() == printed


def plan(capsys: pytest.CaptureFixture[str], folder: Path, target: str, *more: str) -> dict[str, dict[str, str]]:
    (folder / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (folder / "data.npz").touch()
    assert main(["convert", "model.h5", "--target", target, *more, "--dry-run", "--json"]) == 0
    return {choice["what"]: choice for choice in json.loads(capsys.readouterr().out)["choices"]}


def test_a_plan_says_what_instruction_set_memory_and_alignment_mean(capsys, folder):
    choices = plan(capsys, folder, "raspberry-pi-zero-2w", "--calibrate", "data.npz")
    assert choices["kernels"]["value"] == "int8 without dot product"
    assert "may win little" in choices["kernels"]["reason"]
    assert choices["memory"]["value"] == "at most 238 MiB"
    assert choices["channels"]["value"] == "multiples of 16"


def test_a_plan_for_a_board_with_dot_product_says_so(capsys, folder):
    choices = plan(capsys, folder, "raspberry-pi-5", "--calibrate", "data.npz")
    assert choices["kernels"]["value"] == "int8 with dot product"


def test_a_plan_without_int8_gains_nothing_from_the_dot_product(capsys, folder):
    choices = plan(capsys, folder, "raspberry-pi-5", "--quantize", "float32")
    assert choices["kernels"]["value"] == "float32"


def test_a_plan_for_a_profile_of_the_users_own_takes_its_limits(capsys, folder):
    write(folder, "own.toml", "budgets.peak_rss_kib = 65536\n")
    choices = plan(capsys, folder, "own.toml", "--calibrate", "data.npz")
    assert choices["memory"]["value"] == "at most 64 MiB"
    assert "kitchen" in choices["memory"]["reason"]
