#!/bin/sh
# The sshd of a board that is laid out at BOARD; its users are locked in there.
mkdir -p /run/sshd
cp -p "$RUN/authorized_keys" "$RUN/host_key" "$RUN/sshd_config" /run/board/
exec /usr/sbin/sshd -D -e -f /run/board/sshd_config
