"""From an address to its device."""

from __future__ import annotations

import pytest

from edgekit_devices.catalog import open_device
from edgekit_runtime.errors import DeviceError, UserError


def test_local_is_this_machine():
    with open_device("local") as device:
        assert device.address == "local"


@pytest.mark.parametrize("text", ["adb://SERIAL"])
def test_a_device_that_this_version_does_not_reach_is_named_with_what_it_does(text):
    with pytest.raises(DeviceError, match=f"{text}: .*allowed: local"):
        open_device(text)


def test_what_is_no_address_is_the_users_error():
    with pytest.raises(UserError, match="no device's address"):
        open_device("raspberry")
