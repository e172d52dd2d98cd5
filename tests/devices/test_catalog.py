"""From an address to its device."""

from __future__ import annotations

import pytest

from edgekit_devices.catalog import open_device
from edgekit_runtime.errors import UserError


def test_local_is_this_machine():
    with open_device("local") as device:
        assert device.address == "local"


def test_what_is_no_address_is_the_users_error():
    with pytest.raises(UserError, match="no device's address"):
        open_device("raspberry")
