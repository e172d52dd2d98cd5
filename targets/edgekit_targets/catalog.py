"""The profiles that come with edgekit, by name, and profiles of the user's own, by path."""

from __future__ import annotations

import os
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit_runtime.errors import ProfileError
from edgekit_targets.profile import LoadedProfile

if TYPE_CHECKING:
    from edgekit_targets.extends import ProfileFile

_SUFFIX = ".toml"


def target_names() -> tuple[str, ...]:
    """The names of the profiles that come with edgekit, sorted."""
    return tuple(sorted(file.name.removesuffix(_SUFFIX) for file in _folder().iterdir() if file.name.endswith(_SUFFIX)))


def load_profile(name_or_path: str) -> LoadedProfile:
    """Load a profile, and what it extends.

    Args:
        name_or_path: A name of the catalog, or a path that ends in `.toml`.

    Raises:
        ProfileError: There is no such profile, or it has faults.
    """
    from edgekit_targets.read_profile import resolve_profile

    return resolve_profile(_find(name_or_path, Path()), _find_base)


def load_profiles(*names_or_paths: str) -> tuple[LoadedProfile, ...]:
    """Load profiles, in the order in which they are named.

    Args:
        names_or_paths: Names of the catalog, or paths that end in `.toml`; none for the whole catalog.

    Raises:
        ProfileError: There is no such profile, or it has faults.
    """
    return tuple(load_profile(name) for name in names_or_paths or target_names())


def _folder() -> Traversable:
    return resources.files("edgekit_targets") / "profiles"


def _find_base(extends: str, file: ProfileFile) -> ProfileFile:
    return _find(extends, file.path.parent if file.path is not None else Path())


def _find(name_or_path: str, folder: Path) -> ProfileFile:
    from edgekit_targets.extends import ProfileFile

    if name_or_path.endswith(_SUFFIX):
        path = folder / name_or_path
        return ProfileFile(os.path.normpath(path), _bytes_of(path), path)
    if name_or_path not in target_names():
        raise _unknown(name_or_path)
    file = _folder() / f"{name_or_path}{_SUFFIX}"
    return ProfileFile(file.name, file.read_bytes())


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = getattr(error, "strerror", None) or str(error)
        hint = f"Name a file, or one of the targets {', '.join(target_names())}."
        raise ProfileError(f"{path}: the profile cannot be read: {reason}.", hint=hint) from error


def _unknown(name: str) -> ProfileError:
    from difflib import get_close_matches

    names = target_names()
    nearest = get_close_matches(name.lower(), names)
    guess = f" Nearest: {', '.join(nearest)}." if nearest else ""
    allowed = f"allowed: {', '.join(names)}, or a path to a {_SUFFIX} file."
    return ProfileError(f"There is no target {name!r}; {allowed}{guess}")
