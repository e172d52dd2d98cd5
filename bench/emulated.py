"""What models take on emulated boards, and how eight boards at once share this machine."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from figures import TIMES, Row, Section, Target, skipped
from models import EDGEKIT, Source, assets_file, convert

from edgekit.reports.report import read_report
from edgekit_runtime.errors import EdgekitError
from edgekit_runtime.figure import Figure, measured, unavailable

BOARDS = {"cortex-a53": "raspberry-pi-3b-plus", "cortex-a72": "raspberry-pi-4b", "cortex-a76": "raspberry-pi-5"}
MILLION = 1e6
FLEET = 8
FLEET_LIMIT = Target(1.3)
# What dot products buy: the only ratios that were known beforehand.
RATIOS = {("VWW", "cortex-a76"): Target(0.57, 0.53), ("VWW", "cortex-a72"): Target(1.02, 0.98)}
METHOD = "counted by edgekit's plugin of qemu"


def emulated(quick: bool) -> Section:
    """Count three models of MLPerf Tiny on three processors, then measure a fleet."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            models = _models(folder, quick)
            rows = [_counted(model, cpu, models[model], folder) for model in models for cpu in BOARDS]
            rows.append(_fleet(models["VWW"][0], folder, 2 if quick else FLEET))
        except (FileNotFoundError, EdgekitError) as missing:
            rows = [skipped("instructions of an inference", "M", FLEET_LIMIT, str(missing))]
    return Section(
        "Emulated boards",
        "Millions of instructions of one inference with one thread, int8 beside float32: files of MLPerf Tiny, the "
        "float32 KWS converted by edgekit. Below: a fleet of eight emulated boards that count VWW int8 at once, beside "
        "the sum of the times of each alone over the processors of this machine.",
        (
            "edgekit --quiet bench MODEL.tflite --device emulated://raspberry-pi-5 -o REPORT.json",
            "edgekit --quiet bench MODEL.tflite --device all -o REPORTS",
        ),
        tuple(rows),
    )


def _models(folder: Path, quick: bool) -> dict[str, tuple[Path, Path]]:
    """Each model as int8 and as float32; in a first look one alone."""
    kws = Source("KWS", assets_file("mlperf-tiny-results/kws_model.h5"), assets_file("data/kws01_mfcc_000-499.npz"))
    tiny = {
        name: (assets_file(f"mlperf-tiny/{int8}"), assets_file(f"mlperf-tiny/{real}"))
        for name, int8, real in (
            ("ResNet8", "pretrainedResnet_quant.tflite", "pretrainedResnet.tflite"),
            ("VWW", "vww_96_int8.tflite", "vww_96_float.tflite"),
        )
    }
    if quick:
        return {"VWW": tiny["VWW"]}
    return {**tiny, "KWS": (assets_file("mlperf-tiny/kws_ref_model.tflite"), convert(kws, "float32", folder / "kws"))}


def _counted(name: str, cpu: str, files: tuple[Path, Path], folder: Path) -> Row:
    int8, real = (_instructions(file, BOARDS[cpu], folder) for file in files)
    ratio = Figure("simulated", TIMES, int8 / real, "ratio of two counts")
    sides = (Figure("simulated", "M", value / MILLION, METHOD) for value in (int8, real))
    return Row(f"{name} int8, instructions on {cpu}", *sides, ratio, RATIOS.get((name, cpu)), 1)


def _instructions(model: Path, board: str, folder: Path) -> float:
    report = folder / "report.json"
    subprocess.run(_argv(model, f"emulated://{board}", report), check=True, stdout=subprocess.DEVNULL)
    figure = read_report(report).figure("instructions")
    assert figure.value is not None
    return figure.value


def _fleet(model: Path, folder: Path, number: int) -> Row:
    """The boards of a fleet file one after the other, then all at once by one command."""
    boards = {f"board{index}": board for index, board in zip(range(number), cycle(BOARDS.values()), strict=False)}
    fleet = folder / "fleet.toml"
    fleet.write_text("".join(f'[devices.{name}]\naddress = "emulated://{boards[name]}"\n' for name in boards))
    cores = len(os.sched_getaffinity(0))
    alone_s = [_elapsed_s(_argv(model, name, folder / f"{name}.json"), fleet) for name in boards]
    together_s, share_s = _elapsed_s(_argv(model, "all", folder / "reports"), fleet), sum(alone_s) / cores
    what = f"{number} boards at once, time from start to end"
    if number < cores:
        reason = f"{number} boards do not fill {cores} processors"
        return Row(what, measured(together_s, "s", "once"), None, unavailable(TIMES, reason), FLEET_LIMIT, 1)
    ratio = measured(together_s / share_s, TIMES, "ratio of two times")
    beside = measured(share_s, "s", f"sum of {number} alone over {cores} processors")
    return Row(what, measured(together_s, "s", "once"), beside, ratio, FLEET_LIMIT, 1)


def _elapsed_s(argv: Sequence[str], fleet: Path) -> float:
    started = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "EDGEKIT_FLEET": str(fleet)})
    return time.perf_counter() - started


def _argv(model: Path, device: str, output: Path) -> list[str]:
    return [str(EDGEKIT), "--quiet", "bench", str(model), "--device", device, "-o", str(output)]
