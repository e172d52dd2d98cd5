"""INA2xx and INA3221 on made trees."""

from __future__ import annotations

import pytest

from edgekit_runtime.sensors.ina import Ina2xx, Ina3221
from edgekit_runtime.sensors.sensor import Reading, SensorError

JETSON = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon4"


def rails(*names: str) -> dict[str, object]:
    files: dict[str, object] = {}
    for place, name in enumerate(names, start=1):
        files |= {
            f"{JETSON}/in{place}_label": name,
            f"{JETSON}/in{place}_input": 5000,
            f"{JETSON}/curr{place}_input": 100 * place,
        }
    return files


def test_an_ina_is_found_by_its_name_among_other_monitors(tree):
    root = tree(
        {
            "sys/class/hwmon/hwmon0/name": "cpu_thermal",
            "sys/class/hwmon/hwmon0/power1_input": 1,
            "sys/class/hwmon/hwmon3/name": "ina219",
            "sys/class/hwmon/hwmon3/power1_input": 2_500_000,
        }
    )
    sensor = Ina2xx(root)
    assert sensor.present
    assert sensor.read().values == (2_500_000,)
    assert sensor.name == "INA219 at hwmon3, whatever line it is wired into"


def test_microwatts_become_milliwatts(tree):
    readings = [Reading(0, (2_000_000.0,)), Reading(10, (3_000_000.0,))]
    assert Ina2xx(tree({})).mean_mw(readings) == pytest.approx(2500)
    assert Ina3221(tree({})).mean_mw(readings) == pytest.approx(2500)


def test_an_ina_without_power_is_none(tree):
    assert not Ina2xx(tree({"sys/class/hwmon/hwmon3/name": "ina219"})).present


def test_an_ina_that_is_unplugged_is_told(tree):
    root = tree({"sys/class/hwmon/hwmon3/name": "ina226", "sys/class/hwmon/hwmon3/power1_input": 1})
    sensor = Ina2xx(root)
    (root / "sys/class/hwmon/hwmon3/power1_input").unlink()
    with pytest.raises(SensorError, match="hwmon3/power1_input: no such file"):
        sensor.read()


def test_the_input_of_a_jetson_holds_its_other_rails(tree):
    sensor = Ina3221(tree(rails("VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC")))
    assert sensor.read().values == (5000 * 100,)
    assert sensor.name == "INA3221, rail VDD_IN"


def test_without_an_input_the_rails_are_added_and_what_is_not_connected_is_left_out(tree):
    sensor = Ina3221(tree(rails("VDD_GPU_SOC", "VDD_CPU_CV", "NC")))
    assert sensor.read().values == (5000 * 100 + 5000 * 200,)
    assert sensor.name == "INA3221, the sum of rails VDD_GPU_SOC, VDD_CPU_CV"


def test_a_board_without_rails_has_no_ina3221(tree):
    assert not Ina3221(tree({})).present
