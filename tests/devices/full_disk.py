"""Python on a disk that takes a number of new files, folders and names, then no more; see `full_disk_device`."""

import atexit
import errno
import os
import sys

home, after, told = sys.argv[1], int(sys.argv[2]), sys.argv[3]
code = sys.argv[5]
sys.argv = ["-c", *sys.argv[6:]]
made, process = [0], os.getpid()


def watch(event: str, arguments: tuple) -> None:
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes or event in {"os.mkdir", "os.link", "os.rename", "os.symlink"}:
        names = [str(name) for name in arguments[:2] if isinstance(name, (str, os.PathLike))]
        if any(name.startswith(home) for name in names):
            made[0] += 1
            if made[0] > after:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), names[0])


def tell() -> None:
    if os.getpid() == process:
        with open(told, "w") as file:
            file.write(str(made[0]))


atexit.register(tell)
sys.addaudithook(watch)
exec(code)
