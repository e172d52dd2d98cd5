"""Profiles that extend another one, read as a user's files are."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit_runtime.errors import ProfileError
from edgekit_targets.catalog import load_profile
from edgekit_targets.extends import ProfileFile
from edgekit_targets.profile import LoadedProfile
from edgekit_targets.read_profile import read_profile, resolve_profile

Write = Callable[..., str]

KEYS = "the keys name, summary, sources, runtimes, recipe, boards, cpu, memory, power, budgets, npu, link"
HEADER = 'schema = "edgekit/profile"\nversion = 1\n'


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a file with a profile's header into the folder in which the test runs."""
    monkeypatch.chdir(tmp_path)

    def put(file: str, text: str, header: str = HEADER) -> str:
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(header + text)
        return file

    return put


def faults_of(file: str) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        load_profile(file)
    return caught.value.message.split("\n")


def test_what_a_profile_does_not_say_comes_from_its_base_and_what_it_says_wins(write: Write) -> None:
    own = write(
        "own.toml",
        'extends = "raspberry-pi-4b"\nname = "kitchen"\nbudgets.latency_p50_ms = 40\n[cpu.clock_mhz]\n'
        'value = 1800\nsource = "kitchen"\nconfidence = "verified"\n[sources]\nkitchen = "read from it"\n',
    )

    base, profile = load_profile("raspberry-pi-4b").profile, load_profile(own).profile

    assert profile.cpu.clock_mhz is not None
    assert (profile.name, profile.cpu.clock_mhz.value, profile.cpu.clock_mhz.note) == ("kitchen", 1800, "")
    assert (profile.cpu.cores, profile.memory, profile.boards) == (base.cpu.cores, base.memory, base.boards)
    assert (profile.budgets.latency_p50_ms, profile.budgets.peak_rss_kib) == (40, base.budgets.peak_rss_kib)
    assert profile.sources == {**base.sources, "kitchen": "read from it"}


def test_a_new_value_does_not_take_over_the_source_of_the_old_one(write: Write) -> None:
    own = write("own.toml", 'extends = "raspberry-pi-4b"\nname = "kitchen"\ncpu.cores.value = 8\n')

    assert faults_of(own) == [
        "own.toml: cpu.cores.source: missing; allowed: text",
        "own.toml: cpu.cores.confidence: missing; allowed: verified, vendor, estimated",
    ]


def test_a_name_is_never_taken_over(write: Write) -> None:
    assert faults_of(write("own.toml", 'extends = "host"\n')) == ["own.toml: name: missing; allowed: text"]


def test_each_path_begins_at_the_file_that_names_it(write: Write) -> None:
    write("boards/base.toml", 'extends = "raspberry-pi-5"\nname = "base"\nsummary = "the base"\n')
    write("boards/middle.toml", 'extends = "base.toml"\nname = "middle"\nbudgets.load_time_ms = 7\n')
    own = write("own.toml", 'extends = "boards/middle.toml"\nname = "own"\n')

    profile = load_profile(own).profile

    assert (profile.name, profile.summary, profile.budgets.load_time_ms) == ("own", "the base", 7)
    assert profile.cpu.has("dotprod") is True


def test_lists_are_replaced(write: Write) -> None:
    own = write("own.toml", 'extends = "raspberry-pi-4b"\nname = "own"\nboards = ["Other Board"]\n')

    assert load_profile(own).profile.boards == ("Other Board",)


def test_what_a_bundle_keeps_is_complete_by_itself_and_always_the_same(write: Write) -> None:
    loaded = load_profile(write("own.toml", 'extends = "raspberry-pi-4b"\nname = "own"\n'))

    assert "extends" not in tomllib.loads(loaded.toml.decode())
    assert read_profile(loaded.toml, "profile.toml") == loaded
    assert load_profile("own.toml").toml == loaded.toml


def test_a_profile_that_extends_nothing_keeps_its_very_bytes(write: Write, tmp_path: Path) -> None:
    text = load_profile("host").toml.decode() + "# a remark\n"

    assert load_profile(write("own.toml", text, header="")).toml == (tmp_path / "own.toml").read_bytes()


@pytest.mark.parametrize("itself", ["own.toml", "./own.toml", "sub/../own.toml"])
def test_a_profile_that_extends_itself_is_refused(write: Write, itself: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()

    faults = faults_of(write("own.toml", f'extends = "{itself}"\nname = "own"\n'))

    assert faults == ["own.toml: extends: is the file itself; allowed: another profile."]


def test_a_circle_of_several_is_refused_with_the_way_round(write: Write) -> None:
    write("sub/b.toml", 'extends = "../c.toml"\nname = "b"\n')
    write("c.toml", 'extends = "a.toml"\nname = "c"\n')
    own = write("a.toml", 'extends = "sub/b.toml"\nname = "a"\n')

    (fault,) = faults_of(own)

    way = "a.toml -> sub/b.toml -> c.toml -> a.toml"
    assert fault == f"c.toml: extends: goes round in a circle: {way}; allowed: a chain with an end."


def test_a_circle_that_does_not_hold_the_first_file_is_refused(write: Write) -> None:
    write("b.toml", 'extends = "c.toml"\nname = "b"\n')
    write("c.toml", 'extends = "b.toml"\nname = "c"\n')

    (fault,) = faults_of(write("a.toml", 'extends = "b.toml"\nname = "a"\n'))

    assert fault.startswith("c.toml: extends: goes round in a circle: b.toml -> c.toml -> b.toml;")


@pytest.mark.parametrize(
    ("extends", "fault"),
    [
        ('"raspbery-pi-4b"', "There is no target 'raspbery-pi-4b'; allowed: coral-dev-board, "),
        ('"gone.toml"', "gone.toml: the profile cannot be read: No such file"),
        ('"a\\u0000.toml"', "a\0.toml: the profile cannot be read: embedded null byte"),
        ('""', "There is no target ''; allowed: coral-dev-board, "),
        ("3", "is 3; allowed: text, a target's name or a .toml file."),
        ('["host"]', "is ['host']; allowed: text"),
    ],
)
def test_an_unknown_base_is_told_with_the_file_that_names_it(write: Write, extends: str, fault: str) -> None:
    (line,) = faults_of(write("own.toml", f'extends = {extends}\nname = "own"\n'))

    assert line.startswith(f"own.toml: extends: {fault}")


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("name = ", "base.toml: it is no TOML in UTF-8: "),
        ("", "base.toml: schema: is None; allowed: 'edgekit/profile'"),
        ('schema = "edgekit/profile"\nversion = 2\n', "base.toml: version: is 2; allowed: 1"),
    ],
)
def test_a_base_that_is_no_profile_is_told_under_its_own_name(write: Write, header: str, fault: str) -> None:
    write("base.toml", "", header)

    (line,) = faults_of(write("own.toml", 'extends = "base.toml"\nname = "own"\n'))

    assert line.startswith(fault)


def test_each_fault_is_told_with_the_file_where_its_key_stands(write: Write) -> None:
    write(
        "base.toml",
        'extends = "host"\nname = "base"\nfpu = 1\n[budgets]\nload_time_ms = -1\nlatency_p50_ms = 5\n[cpu]\n'
        'cores = { value = 0, source = "hearsay", confidence = "vendor" }\nisa.value = "aarch64"\n',
    )
    own = write("own.toml", 'extends = "base.toml"\nname = 7\ngpu = 1\n[budgets]\nlatency_p90_ms = 9\n')

    assert sorted(faults_of(own)) == [
        "base.toml: budgets: load_time_ms not above 0; allowed: more than 0",
        "base.toml: cpu.cores.source: is 'hearsay'; allowed: a key of [sources]: edgekit-2026",
        "base.toml: cpu.cores: value is 0; allowed: more than 0",
        "base.toml: cpu.isa.confidence: missing; allowed: verified, vendor, estimated",
        "base.toml: cpu.isa.source: missing; allowed: text",
        f"base.toml: fpu: unknown; allowed: {KEYS}",
        f"own.toml: gpu: unknown; allowed: {KEYS}",
        "own.toml: name: is 7; allowed: text",
    ]


def test_a_fault_of_a_base_is_gone_once_it_is_replaced(write: Write) -> None:
    write("base.toml", 'extends = "host"\nname = "base"\nsummary = 1\ncpu.cores.value = "many"\nmemory = 8\n')
    own = write(
        "own.toml",
        'extends = "base.toml"\nname = "own"\nsummary = "mine"\n[memory]\n'
        '[cpu.cores]\nvalue = 2\nsource = "edgekit-2026"\nconfidence = "vendor"\n',
    )

    cores = load_profile(own).profile.cpu.cores
    assert cores is not None
    assert cores.value == 2


def test_the_profile_of_a_bundle_extends_nothing() -> None:
    with pytest.raises(ProfileError, match=r"profile\.toml: extends: is 'host'; allowed here: only a profile"):
        read_profile(f'{HEADER}extends = "host"\nname = "own"\n'.encode(), "profile.toml")


@pytest.mark.parametrize("depth", [100, 3000])
def test_tables_within_tables_without_end_are_refused(depth: int) -> None:
    with pytest.raises(ProfileError, match=r"^own\.toml: "):
        read_profile(f"{HEADER}{'.'.join(['a'] * depth)} = 1\n".encode(), "own.toml")


def resolved(own: dict[str, Any], base: dict[str, Any]) -> LoadedProfile:
    header = {"schema": "edgekit/profile", "version": 1}
    files = [
        ProfileFile(label, tomli_w.dumps({**header, **tree}).encode())
        for label, tree in (("own", {**own, "extends": "base"}), ("base", base))
    ]
    return resolve_profile(files[0], lambda _name, _file: files[1])


def tear(tree: dict[str, Any], draw: Callable[[], str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the one file says and what its base says: each statement in one of them, or overruled by the other."""
    own: dict[str, Any] = {}
    base: dict[str, Any] = {}
    for key, part in tree.items():
        if isinstance(part, dict) and "source" not in part:
            own[key], base[key] = tear(part, draw)
            continue
        where = "own" if key == "name" else draw()
        if where != "base":
            own[key] = part
        if where != "own":
            base[key] = part if where == "base" else {"value": "overruled", "source": "nowhere"}
    return own, base


@settings(max_examples=30)
@given(st.sampled_from(["raspberry-pi-5", "raspberry-pi-zero-2w", "host"]), st.data())
def test_a_profile_torn_into_two_files_in_any_way_is_whole_again(name: str, data: st.DataObject) -> None:
    loaded = load_profile(name)
    tree = {key: part for key, part in tomllib.loads(loaded.toml.decode()).items() if key not in ("schema", "version")}

    again = resolved(*tear(tree, lambda: data.draw(st.sampled_from(["own", "base", "both"]))))

    assert again.profile == loaded.profile
    assert read_profile(again.toml, "profile.toml").profile == loaded.profile
