#!/bin/sh
# The adbd of a board that is laid out at BOARD, in a network of its own, and this machine's adb that is connected to it.
# ADBD is a folder with adbd and the libraries that it was built with; the board's programs have others.
mkdir -p "$BOARD/opt/adbd"
mount --bind "$ADBD" "$BOARD/opt/adbd"
ip link set lo up
(
    export HOME="$RUN" # for its key
    until adb connect "127.0.0.1:$PORT" | grep -q "^connected"; do sleep 0.1; done
    touch "$RUN/up"
) &
libraries=/opt/adbd/usr/lib/aarch64-linux-gnu
exec chroot "$BOARD" /usr/bin/env -i QEMU_CPU="$CPU" ADBD_PORT="$PORT" PATH=/usr/local/bin:/usr/bin:/bin \
    "$libraries/ld-linux-aarch64.so.1" --library-path "$libraries:$libraries/android" \
    /opt/adbd/usr/lib/android-sdk/platform-tools/adbd
