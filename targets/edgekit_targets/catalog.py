"""The profiles that come with edgekit, by name, and profiles of the user's own, by path."""

from __future__ import annotations

import difflib
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from edgekit_runtime.errors import ProfileError
from edgekit_targets.profile import LoadedProfile

_SUFFIX = ".toml"


def target_names() -> tuple[str, ...]:
    """The names of the profiles that come with edgekit, sorted."""
    return tuple(sorted(file.name.removesuffix(_SUFFIX) for file in _folder().iterdir() if file.name.endswith(_SUFFIX)))


def load_profile(name_or_path: str) -> LoadedProfile:
    """Load a profile.

    Args:
        name_or_path: A name of the catalog, or a path that ends in `.toml`.

    Raises:
        ProfileError: There is no such profile, or it has faults.
    """
    from edgekit_targets.read_profile import read_profile

    if name_or_path.endswith(_SUFFIX):
        return read_profile(_bytes_of(Path(name_or_path)), name_or_path)
    if name_or_path not in target_names():
        raise _unknown(name_or_path)
    file = _folder() / f"{name_or_path}{_SUFFIX}"
    return read_profile(file.read_bytes(), file.name)


def _folder() -> Traversable:
    return resources.files("edgekit_targets") / "profiles"


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        hint = f"Name a file, or one of the targets {', '.join(target_names())}."
        raise ProfileError(f"{path}: the profile cannot be read: {reason}.", hint=hint) from error


def _unknown(name: str) -> ProfileError:
    names = target_names()
    nearest = difflib.get_close_matches(name.lower(), names)
    guess = f" Nearest: {', '.join(nearest)}." if nearest else ""
    allowed = f"allowed: {', '.join(names)}, or a path to a {_SUFFIX} file."
    return ProfileError(f"There is no target {name!r}; {allowed}{guess}")
