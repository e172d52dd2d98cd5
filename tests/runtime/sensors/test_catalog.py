"""Which sensor is taken."""

from __future__ import annotations

import pytest

from edgekit_runtime.sensors.catalog import find_sensor
from edgekit_runtime.sensors.sensor import SensorError

RAPL = {"sys/class/powercap/intel-rapl:0/name": "package-0", "sys/class/powercap/intel-rapl:0/energy_uj": 7}
INA = {"sys/class/hwmon/hwmon1/name": "ina226", "sys/class/hwmon/hwmon1/power1_input": 3}


def test_a_sensor_of_the_supply_comes_before_the_processors(tree, tmp_path):
    assert find_sensor(tree({**RAPL, **INA}), str(tmp_path)).name.startswith("INA226")


def test_one_that_cannot_be_read_gives_way_to_the_next(tree, tmp_path):
    assert find_sensor(
        tree({**RAPL, **INA, "sys/class/hwmon/hwmon1/power1_input": "?"}), str(tmp_path)
    ).name.startswith("RAPL")


def test_where_none_can_be_read_every_reason_is_told(tree, program):
    root = tree({"sys/class/powercap/intel-rapl:0/name": "package-0", "sys/class/hwmon/hwmon1/name": "ina226"})
    tree({"sys/class/hwmon/hwmon1/power1_input": "?"})
    with pytest.raises(SensorError) as caught:
        find_sensor(root, program("exit 1"))
    assert [part in str(caught.value) for part in ("power1_input", "vcgencmd", "energy_uj")] == [True] * 3


def test_a_machine_without_sensors_says_what_was_looked_for(tree, tmp_path):
    with pytest.raises(SensorError, match="no power sensor is here: looked for RAPL, INA2xx, INA3221"):
        find_sensor(tree({}), str(tmp_path))
