"""Files by the checksum of their content, in a private folder of the user.

files/SHA256            whole files; one that no session and no release holds goes when others come, or a release goes
incoming/SHA256.part    what came of a file before its transfer broke; the next one goes on from there
sessions/TOKEN/         what one session holds, its scratch files, and what it stages; gone with the session
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Optional

from edgekit_devices.onboard.frames import CHUNK_BYTES, Frames, Payload, RefusedError

HOME = "~/.local/share/edgekit"
LOCK = "lock"
FULL = (errno.ENOSPC, errno.EDQUOT)
MARGIN_BYTES = 1 << 18  # left free for folders and records


class Store:
    """The private folder, and what this session holds of it.

    Args:
        token: The session's own name.

    Raises:
        RefusedError: The folder cannot be made or written.
    """

    def __init__(self, token: str) -> None:
        self.root = Path(os.path.expanduser(HOME))
        self._folder = self.root / "sessions" / token
        self._locks: dict[str, Optional[IO[bytes]]] = {}
        try:
            for name in ("files", "incoming", "sessions"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o700)
            self._clear()
        except OSError as error:
            if error.errno in FULL:
                raise refused(error) from error
            raise RefusedError(
                f"{self.root} cannot be written: {os.strerror(error.errno or 0)}",
                "Make the home folder writable, or log in as a user whose home is.",
            ) from error

    @property
    def session(self) -> Path:
        """This session's own folder, made when it is first needed: on a full disk one can still list and remove.

        Raises:
            OSError: It cannot be made.
        """
        if LOCK not in self._locks:
            self._locks[LOCK] = self._begin()
        return self._folder

    def missing(self, sizes: Mapping[str, int]) -> Payload:
        """Of these files, those that are not here, each with how much of it is, and hold the others.

        Where there is not enough room, what nobody holds makes some.

        Args:
            sizes: From checksum to length in bytes.

        Raises:
            RefusedError: There is not enough room for what is missing.
        """
        offsets, needed = self._lacking(sizes)
        if offsets and needed + MARGIN_BYTES > self._free():
            self.forget()
            offsets, needed = self._lacking(sizes)
        free = self._free()
        if offsets and needed + MARGIN_BYTES > free:
            raise RefusedError(
                f"the disk is full: {needed / 1e6:.1f} MB are to come, {free / 1e6:.1f} MB are free in {self.root}",
                "Remove what is not needed: edgekit deploy --list, --remove.",
            )
        return {"missing": offsets}

    def put(self, frames: Frames, files: Iterable[Payload]) -> Payload:
        """Take files whose bytes follow one after the other.

        Args:
            frames: Where they come from.
            files: Of each its `sha256`, `size` and the `offset` from which on it comes.

        Raises:
            RefusedError: A file cannot be written, or came damaged.
        """
        failed: Optional[RefusedError] = None
        for file in files:
            fault = self._take(frames, str(file["sha256"]), int(file["size"]), int(file["offset"]))
            failed = failed or fault
        if failed is not None:
            raise failed
        self.forget()
        return {}

    def held(self, sha256: str) -> Path:
        """A file that this session holds.

        Raises:
            RefusedError: It does not.
        """
        path = self.session / "held" / sha256
        if not path.exists():
            raise RefusedError(f"the file {sha256} is not here")
        return path

    def lay_out(self, folder: Path, files: Mapping[str, str]) -> None:
        """Make a folder of files that are held.

        Args:
            folder: The folder to make.
            files: From path to checksum.

        Raises:
            RefusedError: A path points outside the folder, or a file is not as its checksum says.
        """
        folder.mkdir(parents=True)
        for name, sha256 in files.items():
            path = folder / plain_path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            link(self.held(sha256), path)
            if digest_of(path) != sha256:
                raise RefusedError(f"{name} is damaged: its checksum differs", "Run the command again.")

    def scratch(self, name: str, files: Mapping[str, str]) -> Path:
        """Lay out a file or folder for this session only, and return its path.

        Args:
            name: Its name.
            files: From path to checksum; the empty path for a file.

        Raises:
            RefusedError: A path points outside the folder, or a file is not as its checksum says.
        """
        folder = self.session / "scratch" / str(len(os.listdir(self.session)))
        while folder.exists():
            folder = folder.with_name(folder.name + "1")
        target = folder / plain_path(name)
        if list(files) == [""]:
            self.lay_out(folder, {name: files[""]})
        else:
            self.lay_out(target, files)
        return target

    def forget(self) -> None:
        """Remove files that nobody holds: neither a session nor a release has a second name for them."""
        for path in (self.root / "files").iterdir():
            if path.stat().st_nlink == 1 and not (self._folder / "held" / path.name).exists():
                path.unlink()
        for path in (self.root / "incoming").iterdir():
            with open(path, "rb") as part:
                if _locked(part):
                    path.unlink()

    def keep_out(self, name: str) -> bool:
        """Lock a name for as long as this session lives; whether no other session has it."""
        if self._locks.get(name) is None:
            self._locks[name] = try_lock(self.root / name)
        return self._locks[name] is not None

    def discard(self, folder: Path) -> None:
        """Remove a folder: in one step, whose rest the next session does if this one is cut."""
        doomed = self._folder.with_name(f"{self._folder.name}-removed")
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def close(self) -> None:
        """Remove what this session alone holds."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _begin(self) -> Optional[IO[bytes]]:
        """Make this session's folder."""
        with self._one_at_a_time():
            (self._folder / "held").mkdir(parents=True, exist_ok=True)
            return try_lock(self._folder / LOCK)

    def _clear(self) -> None:
        """Remove the folders of sessions that were killed."""
        with self._one_at_a_time():
            for folder in (self.root / "sessions").iterdir():
                if not (folder / LOCK).exists() or try_lock(folder / LOCK) is not None:
                    shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        with open(self.root / "sessions.lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _lacking(self, sizes: Mapping[str, int]) -> tuple[dict[str, int], int]:
        """How much is here of each file that is not whole here, and how many bytes are to come."""
        offsets = {sha256: self._offset(sha256, size) for sha256, size in sizes.items() if not self._hold(sha256)}
        return offsets, sum(sizes[sha256] - offset for sha256, offset in offsets.items())

    def _free(self) -> int:
        return shutil.disk_usage(self.root).free

    def _hold(self, sha256: str) -> bool:
        path, held = self.root / "files" / sha256, self.session / "held" / sha256
        if not path.exists():
            return held.exists()
        if digest_of(path) != sha256:  # somebody changed it
            path.unlink()
            held.unlink(missing_ok=True)
            return False
        if not held.exists():
            link(path, held)
        return True

    def _offset(self, sha256: str, size: int) -> int:
        part = self._part(sha256)
        have = part.stat().st_size if part.exists() else 0
        return have if have <= size else 0

    def _part(self, sha256: str) -> Path:
        return self.root / "incoming" / f"{sha256}.part"

    def _take(self, frames: Frames, sha256: str, size: int, offset: int) -> Optional[RefusedError]:
        pieces, part = frames.take(size - offset), self._part(sha256)
        try:
            with open(part, "ab") as file:
                if not _locked(file):
                    raise RefusedError("another transfer of the same file is under way", "Try again later.")
                file.truncate(offset)
                for piece in pieces:
                    file.write(piece)
                    file.flush()
                os.fsync(file.fileno())
            self._accept(part, sha256)
        except OSError as error:
            if error.errno in FULL:
                part.unlink(missing_ok=True)  # the device needs the room more than the next transfer
            self._drain(pieces)
            return refused(error)
        except RefusedError as error:
            self._drain(pieces)
            return error
        return None

    def _accept(self, part: Path, sha256: str) -> None:
        if digest_of(part) != sha256:
            part.unlink()
            raise RefusedError("a file came damaged: its checksum differs", "Run the command again.")
        held = self.session / "held" / sha256
        held.unlink(missing_ok=True)
        link(part, held)  # first, so that no other session takes it for one that nobody holds
        part.replace(self.root / "files" / sha256)

    @staticmethod
    def _drain(pieces: Iterable[bytes]) -> None:
        for _ in pieces:
            pass


def digest_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def plain_path(name: str) -> PurePosixPath:
    """A relative path that stays where it is.

    Raises:
        RefusedError: It does not.
    """
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise RefusedError(f"refused: {name!r} points outside its folder")
    return path


def link(source: Path, target: Path) -> None:
    """Give a file a second name; a copy where the file system knows no second names."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        shutil.copyfile(source, target)


def try_lock(path: Path) -> Optional[IO[bytes]]:
    """An open file that is locked for as long as this process lives; `None` where another has it."""
    file = open(path, "ab")  # noqa: SIM115  # the lock lasts as long as the file is open
    if _locked(file):
        return file
    file.close()
    return None


def sync_folder(path: Path) -> None:
    """Bring a folder's entries to the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def refused(error: OSError) -> RefusedError:
    """The refusal for the user where the system said no."""
    if error.errno in FULL:
        return RefusedError("the disk is full", "Remove what is not needed: edgekit deploy --list, --remove.")
    where = f"{error.filename}: " if error.filename else ""
    return RefusedError(f"{where}{os.strerror(error.errno or 0).lower()}")


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
