"""The Raspberry Pi 5's power chip, by what its firmware answers."""

from __future__ import annotations

import pytest

from edgekit_runtime.sensors.pmic import Pmic
from edgekit_runtime.sensors.sensor import Reading, SensorError

ANSWER = """cat <<'END'
 3V7_WL_SW_A current(0)=0.10000000A
   VDD_CORE_A current(7)=2.00000000A
 3V7_WL_SW_V volt(8)=3.70000000V
   VDD_CORE_V volt(15)=0.90000000V
      EXT5V_V volt(24)=5.05716000V
       BATT_V volt(25)=0.00000000V
END"""


def test_the_rails_with_current_and_voltage_are_added(program):
    sensor = Pmic(program(f'test "$1" = pmic_read_adc && {ANSWER}'))
    assert sensor.present
    assert sensor.read().values == (pytest.approx(1e3 * (0.1 * 3.7 + 2.0 * 0.9)),)
    assert sensor.mean_mw([Reading(0, (1000.0,)), Reading(10, (3000.0,))]) == pytest.approx(2000)


def test_an_older_board_has_none(program):
    assert not Pmic(program("""echo 'error=1 error_msg="Command not registered"'""")).present


def test_a_machine_without_the_firmwares_program_has_none(tmp_path):
    assert not Pmic(str(tmp_path)).present


@pytest.mark.parametrize(
    ("script", "part"),
    [
        ('echo "Can\'t open device file: /dev/vcio" >&2; exit 1', "Can't open device file: /dev/vcio"),
        ("exit 1", "no answer"),
        ("echo EXT5V_V volt\\(24\\)=5.05V", "EXT5V_V"),
    ],
)
def test_a_firmware_that_does_not_answer_is_told_with_the_command_that_allows_it(program, script, part):
    sensor = Pmic(program(script))
    assert sensor.present
    with pytest.raises(SensorError, match="sudo usermod -aG video") as caught:
        sensor.read()
    assert part in str(caught.value)


def test_a_program_that_disappears_is_told(program, tmp_path):
    sensor = Pmic(program(ANSWER))
    (tmp_path / "bin/vcgencmd").unlink()
    with pytest.raises(SensorError, match="No such file"):
        sensor.read()
