#!/bin/sh
# Runs as process 1 of namespaces of its own: lays out the board's file system and starts the daemon that lets others in.
# Takes USERLAND and RUN (folders) and DAEMON (a script) from the environment; when it is ended, all that it mounted is
# gone.
set -eu

mount_board() {
    mount -t overlay overlay -o "lowerdir=$USERLAND,upperdir=$RUN/upper,workdir=$RUN/work" "$BOARD"
    mount -t proc proc /proc
    mount -t proc proc "$BOARD/proc"
    mount --bind "$RUN/cpuinfo" "$BOARD/proc/cpuinfo"
    mount --bind "$RUN/sys" "$BOARD/sys"
    mount -o remount,bind,ro "$BOARD/sys"
    mount --bind "$RUN/etc" /etc # as a whole: a single file's mount goes when the machine replaces that file
}

mount_dev() {
    mount -t tmpfs -o mode=755 tmpfs "$BOARD/dev"
    for name in null zero full random urandom tty; do
        touch "$BOARD/dev/$name"
        mount --bind "/dev/$name" "$BOARD/dev/$name"
    done
    mkdir "$BOARD/dev/shm"
    mount -t tmpfs -o mode=1777 tmpfs "$BOARD/dev/shm"
    ln -s /proc/self/fd "$BOARD/dev/fd"
}

mount_homes() {
    mount -t tmpfs -o size=1m,uid=1002,gid=1002 tmpfs "$BOARD/home/small"
    mount --bind "$BOARD/home/frozen" "$BOARD/home/frozen"
    mount -o remount,bind,ro "$BOARD/home/frozen"
}

mount -t tmpfs -o mode=755 tmpfs /run
export BOARD=/run/board/root
mkdir -p "$BOARD"
mount_board
mount_dev
mount_homes
hostname raspberrypi
exec sh -eu "$DAEMON"
