from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import pytest

from edgekit_runtime.errors import ProfileError
from edgekit_targets.catalog import load_profile, load_profiles, target_names


def test_the_catalog_lists_its_targets_sorted() -> None:
    assert target_names() == (
        "coral-dev-board",
        "coral-edgetpu-usb",
        "cortex-a55",
        "cortex-a76",
        "ethos-u55-128",
        "ethos-u55-256",
        "ethos-u65-256",
        "ethos-u65-512",
        "ethos-u85-1024",
        "ethos-u85-256",
        "hailo-8",
        "hexagon-htp-v73",
        "host",
        "imx-neutron",
        "jetson-orin-cpu",
        "pixel-3",
        "pixel-4",
        "raspberry-pi-3b-plus",
        "raspberry-pi-4b",
        "raspberry-pi-5",
        "raspberry-pi-zero-2w",
        "rk3588-npu",
    )


@pytest.mark.parametrize("name", target_names())
def test_every_profile_of_the_catalog_is_sound(name: str) -> None:
    loaded = load_profile(name)

    cited = _sources_of({k: v for k, v in tomllib.loads(loaded.toml.decode()).items() if k != "sources"})
    assert loaded.profile.name == name
    assert cited <= set(loaded.profile.sources)
    assert cited == set(loaded.profile.sources) or "extends" in own_file(name), "every citation is used"
    assert loaded.profile.formats


def own_file(name: str) -> str:
    return (resources.files("edgekit_targets") / "profiles" / f"{name}.toml").read_text(encoding="utf-8")


def _sources_of(tree: dict[str, object]) -> set[str]:
    found = {part for key, part in tree.items() if key == "source" and isinstance(part, str)}
    return found.union(*(_sources_of(part) for part in tree.values() if isinstance(part, dict)))


def test_the_raspberry_pi_4_has_no_dot_product_and_takes_int8_with_the_published_reason() -> None:
    profile = load_profile("raspberry-pi-4b").profile

    assert profile.cpu.has("dotprod") is False
    assert profile.cpu.has("neon") is True
    assert profile.recipe.name == "int8"
    assert "3.2x" in profile.recipe.reason
    assert "2022-02-08" in profile.sources[profile.recipe.source]


@pytest.mark.parametrize(
    ("name", "core", "clock_mhz", "ram_kib", "dot_product"),
    [
        ("raspberry-pi-zero-2w", "Cortex-A53", 1000, 524288, False),
        ("raspberry-pi-3b-plus", "Cortex-A53", 1400, 1048576, False),
        ("raspberry-pi-4b", "Cortex-A72", 1500, 1048576, False),
        ("raspberry-pi-5", "Cortex-A76", 2400, 1048576, True),
    ],
)
def test_each_board_has_its_own_hardware(name: str, core: str, clock_mhz: int, ram_kib: int, dot_product: bool) -> None:
    profile = load_profile(name).profile
    cpu, ram = profile.cpu, profile.memory.ram_kib

    assert cpu.model is not None
    assert cpu.clock_mhz is not None
    assert ram is not None
    assert (cpu.model.value, cpu.clock_mhz.value, ram.value) == (core, clock_mhz, ram_kib)
    assert cpu.has("dotprod") is dot_product


BOARDS = [name for name in target_names() if name.startswith("raspberry-pi")]
ACCELERATED = [loaded.profile.name for loaded in load_profiles() if loaded.profile.npu is not None]


@pytest.mark.parametrize("name", ACCELERATED)
def test_an_accelerator_says_what_it_takes_and_what_runs_its_models(name: str) -> None:
    profile = load_profile(name).profile

    assert profile.npu is not None
    assert profile.npu.compiler is not None
    assert profile.recipe.name in profile.npu.schemes.value
    assert profile.npu.run_by.note.startswith("edgekit"), "it says what edgekit's own runtime does there"


@pytest.mark.parametrize("name", ["ethos-u55-128", "ethos-u55-256", "ethos-u65-256", "ethos-u65-512", "ethos-u85-256"])
def test_the_peak_of_an_ethos_u_is_two_operations_for_each_mac_and_cycle(name: str) -> None:
    npu = load_profile(name).profile.npu

    assert npu is not None
    assert npu.macs_per_cycle is not None
    assert npu.clock_mhz is not None
    assert npu.peak_gops is not None
    assert npu.peak_gops.value == pytest.approx(2 * npu.macs_per_cycle.value * npu.clock_mhz.value / 1000)
    assert npu.model.value.lower() == (npu.compiler.accelerator if npu.compiler else "")


@pytest.mark.parametrize("name", BOARDS)
def test_the_figures_of_a_board_agree_with_each_other(name: str) -> None:
    profile = load_profile(name).profile
    idle, busy = profile.power.idle_mw, profile.power.busy_mw

    assert idle is not None
    assert busy is not None
    assert idle.value < busy.value
    assert {idle.confidence, busy.confidence} == {"estimated"}, "no power figure is read from such boards themselves"
    assert profile.memory.ram_kib is not None
    assert profile.budgets.peak_rss_kib is not None
    assert profile.budgets.peak_rss_kib <= profile.memory.ram_kib.value / 2


@pytest.mark.parametrize(
    ("firmware", "names"),
    [
        ("Raspberry Pi 3 Model B Plus Rev 1.3", ["raspberry-pi-3b-plus"]),
        ("Raspberry Pi 3 Model B Rev 1.2", []),
        ("Raspberry Pi 4 Model B Rev 1.4", ["raspberry-pi-4b"]),
        ("Raspberry Pi 400 Rev 1.0", []),
        ("Raspberry Pi 5 Model B Rev 1.0", ["raspberry-pi-5"]),
        ("Raspberry Pi 500 Rev 1.0", []),
        ("Raspberry Pi Zero 2 W Rev 1.0", ["raspberry-pi-zero-2w"]),
        ("Raspberry Pi Zero 2 Rev 1.0", ["raspberry-pi-zero-2w"]),
        ("Raspberry Pi Zero W Rev 1.1", []),
    ],
)
def test_a_firmware_name_belongs_to_one_target_at_most(firmware: str, names: list[str]) -> None:
    assert [loaded.profile.name for loaded in load_profiles() if firmware.startswith(loaded.profile.boards)] == names


def test_profiles_are_loaded_in_the_order_named_and_all_without_a_name() -> None:
    asked = ("raspberry-pi-5", "host")

    assert tuple(loaded.profile.name for loaded in load_profiles(*asked)) == asked
    assert tuple(loaded.profile.name for loaded in load_profiles()) == target_names()


def test_the_host_claims_nothing_of_its_hardware() -> None:
    profile = load_profile("host").profile

    assert profile.cpu.clock_mhz is None
    assert profile.memory.ram_kib is None
    assert profile.boards == ()


def test_an_unknown_name_is_told_with_the_nearest_and_all_names() -> None:
    with pytest.raises(ProfileError) as caught:
        load_profile("Raspbery-Pi4")

    assert "Nearest: raspberry-pi-4b" in str(caught.value)
    assert f"allowed: {', '.join(target_names())}, or a path to a .toml file." in str(caught.value)


def test_a_name_like_no_other_is_told_without_a_guess() -> None:
    with pytest.raises(ProfileError) as caught:
        load_profile("qqq")

    assert "Nearest" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "../host", "profiles/host"])
def test_a_name_never_leaves_the_catalog(name: str) -> None:
    with pytest.raises(ProfileError, match="There is no target"):
        load_profile(name)


def test_a_path_to_a_toml_file_is_read(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_bytes(load_profile("host").toml.replace(b'name = "host"', b'name = "mine"'))

    assert load_profile(str(own)).profile.name == "mine"


def test_faults_of_a_file_name_its_path(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('schema = "edgekit/profile"\nversion = 1\n')

    with pytest.raises(ProfileError) as caught:
        load_profile(str(own))

    assert all(line.startswith(f"{own}: ") for line in caught.value.message.split("\n"))


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, make: object) -> None:
    path = tmp_path / "gone.toml"
    assert callable(make)
    make(path)

    with pytest.raises(ProfileError, match=r"gone\.toml: the profile cannot be read"):
        load_profile(str(path))
