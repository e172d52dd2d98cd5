"""Which of the known power sensors this device has."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from edgekit_runtime.sensors.ina import Ina2xx, Ina3221
from edgekit_runtime.sensors.pmic import Pmic
from edgekit_runtime.sensors.rapl import Rapl
from edgekit_runtime.sensors.sensor import Sensor, SensorError

NONE = "no power sensor is here: looked for RAPL, INA2xx, INA3221 of a Jetson, and the Raspberry Pi 5's PMIC"


def find_sensor(root: Path = Path("/"), search_path: Optional[str] = None) -> Sensor:
    """The first sensor that can be read; those that cover the whole board before those of the processor.

    Args:
        root: Where sysfs begins.
        search_path: Where to look for `vcgencmd`; `None` for the `PATH`.

    Raises:
        SensorError: There is none, or none that may be read; with the command that allows it.
    """
    known: tuple[Sensor, ...] = (Ina2xx(root), Ina3221(root), Pmic(search_path), Rapl(root))
    faults = []
    for sensor in known:
        if not sensor.present:
            continue
        try:
            sensor.read()
            return sensor
        except SensorError as error:
            faults.append(str(error))
    raise SensorError("; ".join(faults) or NONE)
