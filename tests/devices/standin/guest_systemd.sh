#!/bin/sh
# systemd is the guest's first program, and starts its sshd. Left out is what needs devices that are not there, or takes
# long under emulation; all else of a system that is up stays, so that a unit is installed, started and restarted as on
# a board.
echo 0123456789abcdef0123456789abcdef >/etc/machine-id # without one, it asks for settings at the console
units=/etc/systemd/system
mkdir -p $units/multi-user.target.wants
for left_out in systemd-udev-trigger systemd-udevd systemd-logind systemd-random-seed systemd-machine-id-commit \
    systemd-pcrphase systemd-pcrphase-sysinit systemd-tmpfiles-setup systemd-tmpfiles-setup-dev systemd-journal-flush \
    systemd-update-utmp systemd-remount-fs getty-static; do
    ln -s /dev/null $units/$left_out.service
done
for left_out in getty.target systemd-udevd-kernel.socket systemd-udevd-control.socket sys-kernel-config.mount \
    sys-fs-fuse-connections.mount; do
    ln -s /dev/null $units/$left_out
done
ln -s /usr/lib/systemd/system/multi-user.target $units/default.target
cat >$units/board-ssh.service <<END
[Service]
RuntimeDirectory=sshd
ExecStart=/usr/sbin/sshd -D -e
END
ln -s ../board-ssh.service $units/multi-user.target.wants/
exec /usr/lib/systemd/systemd
