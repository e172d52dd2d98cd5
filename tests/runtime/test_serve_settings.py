"""Who may reach a server: addresses and tokens."""

from __future__ import annotations

import os

import pytest

from edgekit_runtime.errors import UserError
from edgekit_runtime.serve_settings import TOKEN_VARIABLE, ServeSettings, listen, read_token

TOKEN = "0123456789abcdef"


def token_file(folder, text, mode=0o600):
    path = folder / "token"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_no_token_is_needed_at_loopback():
    with listen(ServeSettings(port=0), b"") as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_any_other_address_needs_a_token(host):
    with pytest.raises(UserError, match=r"others can reach it.*--token-file"):
        listen(ServeSettings(host=host, port=0), b"")


def test_with_a_token_others_may_come():
    with listen(ServeSettings(host="0.0.0.0", port=0), TOKEN.encode()) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"


def test_an_unknown_address_is_told():
    with pytest.raises(UserError, match="no such address"):
        listen(ServeSettings(host="no.such.host.invalid"), TOKEN.encode())


def test_a_port_that_is_taken_is_told():
    with listen(ServeSettings(port=0), b"") as listener:
        taken = listener.getsockname()[1]
        with pytest.raises(UserError, match=f"port {taken}: address already in use.*--port"):
            listen(ServeSettings(port=taken), b"")


def test_a_token_comes_from_a_file_or_from_the_environment(tmp_path):
    path = token_file(tmp_path, f"{TOKEN}\n")
    assert read_token(ServeSettings(token_file=path), {}) == TOKEN.encode()
    assert read_token(ServeSettings(), {TOKEN_VARIABLE: TOKEN}) == TOKEN.encode()
    assert read_token(ServeSettings(), {}) == b""


@pytest.mark.parametrize("text", ["", "short", "has spaces in it and is long", "schlüssel-0123456789", "\0" * 20])
def test_a_weak_token_is_refused_and_not_shown(tmp_path, text):
    with pytest.raises(UserError, match="no token is in it") as raised:
        read_token(ServeSettings(token_file=token_file(tmp_path, text)), {})
    assert not text or text not in str(raised.value)


def test_a_token_that_others_may_read_is_refused(tmp_path):
    path = token_file(tmp_path, TOKEN, 0o644)
    with pytest.raises(UserError, match=r"others may read the token.*chmod 600"):
        read_token(ServeSettings(token_file=path), {})


def test_a_token_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_token(ServeSettings(token_file=str(tmp_path / "none")), {})


def test_a_token_file_of_bytes_is_told(tmp_path):
    path = tmp_path / "token"
    path.write_bytes(os.urandom(8) + b"\xff\xfe")
    path.chmod(0o600)
    with pytest.raises(UserError, match="no plain text"):
        read_token(ServeSettings(token_file=str(path)), {})


@pytest.mark.parametrize(
    "wrong",
    [{"port": -1}, {"port": 65536}, {"queue": 0}, {"batch": 0}, {"cache": -1}, {"threads": 0}, {"max_body_mib": 0}],
)
def test_settings_out_of_range_are_told(wrong):
    with pytest.raises(ValueError, match="allowed"):
        ServeSettings(**wrong)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
def test_a_time_limit_is_above_zero_and_finite(seconds):
    with pytest.raises(ValueError, match="timeout_s"):
        ServeSettings(timeout_s=seconds)
