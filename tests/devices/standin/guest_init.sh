#!/bin/sh
# The first program of the guest's kernel: mounts what a system has, brings up the network of qemu, and goes on with
# what lies at /run/start.
set -eu
export PATH=/usr/sbin:/usr/bin

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
chmod 755 / # it is open to all as the kernel makes it, which sshd refuses
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
ln -sf /proc/self/fd /dev/fd

for module in /run/modules/*.ko; do
    insmod "$module"
done
ip link set lo up
ip link set eth0 up
ip address add 10.0.2.15/24 dev eth0

hostname raspberrypi
echo "sshd:x:105:65534::/run/sshd:/usr/sbin/nologin" >>/etc/passwd
exec sh -eu /run/start
