"""The demo, as `make demo` runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_demo_trains_converts_measures_and_compares(tmp_path: Path) -> None:
    output = tmp_path / "demo"
    argv = [sys.executable, "-m", "edgekit", "-q", "demo", "-o", str(output), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    rows = {row["metric"]: row for row in json.loads(done.stdout)["rows"]}
    float32, int8 = rows["accuracy"]["figures"]
    assert float32["value"] > 0.95
    assert int8["value"] > float32["value"] - 0.02
    assert rows["model_size"]["changes"][0]["figure"]["value"] < 0.4
    assert all(rows[name]["figures"][1]["mode"] == "measured" for name in ("latency_p50", "load_time", "model_size"))
    assert {path.name for path in output.iterdir()} >= {"digits-int8", "digits-float32", "int8.json", "float32.json"}
    assert done.stderr == ""
