"""How a user names a device."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_devices.address import AdbAddress, EmulatedAddress, LocalAddress, SshAddress, parse_address
from edgekit_runtime.errors import UserError

WORD = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("local", LocalAddress()),
        ("ssh://pi@raspberrypi.local", SshAddress("pi", "raspberrypi.local")),
        ("ssh://pi@10.0.0.7:2222", SshAddress("pi", "10.0.0.7", 2222)),
        ("ssh://pi@[fe80::1]:22", SshAddress("pi", "[fe80::1]", 22)),
        ("adb://192.168.1.5:5555", AdbAddress("192.168.1.5:5555")),
        ("adb://R58M123ABC", AdbAddress("R58M123ABC")),
        ("emulated://raspberry-pi-4b", EmulatedAddress("raspberry-pi-4b")),
    ],
)
def test_each_form_is_read(text, address):
    assert parse_address(text) == address
    assert str(address) == text


@given(WORD, WORD, st.none() | st.integers(1, 65535))
def test_an_address_is_read_back_from_its_text(user, host, port):
    address = SshAddress(user, host, port)
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Local",
        "local ",
        "local://",
        "ssh://",
        "ssh://host",
        "ssh://pi@",
        "ssh://pi@host/",
        "ssh://pi@host:",
        "ssh://pi@host:0",
        "ssh://pi@host:65536",
        "ssh://pi@-oProxyCommand=x",
        "ssh://-l@host",
        "ssh://pi@host name",
        "ssh://pi@host\n",
        "ssh:pi@host",
        "adb://",
        "adb://-s",
        "adb://a b",
        "emulated://",
        "emulated://Pi",
        "telnet://host",
    ],
)
def test_anything_else_is_refused_with_the_forms_that_are_allowed(text):
    with pytest.raises(UserError, match="no device's address; allowed: local, ssh://") as caught:
        parse_address(text)
    assert repr(text) in caught.value.message


@given(st.text())
def test_any_text_is_an_address_or_the_users_error(text):
    with suppress(UserError):
        address = parse_address(text)
        assert parse_address(str(address)) == address
