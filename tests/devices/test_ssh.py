"""The OpenSSH client's command, and what its failures mean."""

from __future__ import annotations

import shlex

import pytest

from edgekit_devices.address import parse_address
from edgekit_devices.ssh import OPTIONS, SshTransport

COMMAND = ("python3", "-c", "print('x'); $(reboot)", "a b", "-n", "")


def transport(text: str = "ssh://pi@board") -> SshTransport:
    return SshTransport(parse_address(text), program="/none/ssh")


def test_the_command_is_one_argument_whose_words_the_shell_leaves_as_they_are():
    argv = transport().argv(COMMAND)
    assert argv[-1].startswith("exec ")
    assert tuple(shlex.split(argv[-1])[1:]) == COMMAND


def test_the_destination_stands_behind_all_options():
    argv = transport("ssh://pi@board:2222").argv(COMMAND)
    assert argv[-5:-1] == ("-p", "2222", "--", "pi@board")


def test_without_a_port_the_users_configuration_counts():
    assert "-p" not in transport().argv(COMMAND)


def test_an_ipv6_number_loses_its_brackets():
    assert transport("ssh://pi@[fe80::1]").argv(COMMAND)[-2] == "pi@fe80::1"


def test_nothing_asks_nothing_is_forwarded_and_no_unknown_host_is_believed():
    argv = transport().argv(COMMAND)
    options = {argv[i + 1].split("=")[0]: argv[i + 1].split("=")[1] for i, part in enumerate(argv) if part == "-o"}
    assert options == OPTIONS
    assert (options["BatchMode"], options["StrictHostKeyChecking"]) == ("yes", "yes")
    assert {"-a", "-x", "-T"} < set(argv)
    assert not {"UserKnownHostsFile", "IdentityFile", "User", "ProxyCommand"} & set(options)  # the user's own


@pytest.mark.parametrize(
    ("log", "message", "hint"),
    [
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            "its host key is another one than before",
            "ssh-keygen -R board",
        ),
        (
            "No ED25519 host key is known for board and ...\nHost key verification failed.",
            "its host key is unknown",
            "ssh-keyscan -p 22 board | ssh-keygen -lf -",
        ),
        ("pi@board: Permission denied (publickey,password).", "refused to let this user in", "ssh-copy-id pi@board"),
        ("ssh: Could not resolve hostname board: Name or service not known", "no such host", "Check the name"),
        ("ssh: connect to host board port 22: Connection refused", "nothing listens there", "enable --now ssh"),
        ("ssh: connect to host board port 22: Connection timed out", "does not answer", "ssh pi@board true"),
        ("ssh: connect to host board port 22: No route to host", "does not answer", "ssh pi@board true"),
        ("Timeout, server board not responding.", "the connection broke", "run the command again"),
        ("client_loop: send disconnect: Broken pipe", "the connection broke", "run the command again"),
        ("/home/a/.ssh/config: line 1: Bad configuration option: frob", "refuses its configuration", "ssh pi@board"),
    ],
)
def test_what_openssh_says_becomes_one_line_with_what_to_do(log, message, hint):
    error = transport().explain(log)
    assert error.message.startswith("ssh://pi@board: ")
    assert message in error.message
    assert hint in error.hint


def test_a_port_stands_in_what_to_do_about_a_host_key():
    error = transport("ssh://pi@board:2222").explain("REMOTE HOST IDENTIFICATION HAS CHANGED")
    assert "ssh-keyscan -p 2222 board" in error.hint
    assert "ssh-keygen -R '[board]:2222'" in error.hint


def test_of_any_other_text_nothing_is_said():
    assert transport().explain("Welcome to the board!\n") is None
