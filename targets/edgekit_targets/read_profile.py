"""Reading a target profile from TOML, with every fault told at once."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from typing import Any

from edgekit_runtime.codec import FormatError, strip_header
from edgekit_runtime.errors import ProfileError
from edgekit_targets.profile import LoadedProfile, Profile
from edgekit_targets.validate import validate


def read_profile(toml: bytes, file: str) -> LoadedProfile:
    """Read a profile.

    Args:
        toml: The file's bytes.
        file: Its name, for the faults.

    Raises:
        ProfileError: One line for each fault: `file: key: fault; allowed: ...`.
    """
    try:
        tree = tomllib.loads(toml.decode("utf-8"))
    except ValueError as error:
        raise ProfileError(f"{file}: it is no TOML in UTF-8: {error}.") from error
    try:
        tree = strip_header(Profile, tree)
    except FormatError as error:
        raise _told(file, error.faults) from error
    faults = tuple(_unknown_sources(tree))
    try:
        profile = validate(Profile, tree)
    except FormatError as error:
        raise _told(file, error.faults + faults) from error
    if faults:
        raise _told(file, faults)
    return LoadedProfile(profile, toml, hashlib.sha256(toml).hexdigest())


def _told(file: str, faults: tuple[str, ...]) -> ProfileError:
    return ProfileError("\n".join(f"{file}: {fault}" for fault in faults))


def _unknown_sources(tree: dict[str, Any]) -> Iterator[str]:
    """Citations that the profile lacks; found on the raw tree, so that other faults do not hide them."""
    sources = tree.get("sources")
    known = sorted(sources) if isinstance(sources, dict) else []
    for key, source in _cited("", {name: part for name, part in tree.items() if name != "sources"}):
        if source not in known:
            allowed = f"a key of [sources]: {', '.join(known)}" if known else "a key of [sources], which has none"
            yield f"{key}: is {source!r}; allowed: {allowed}"


def _cited(at: str, tree: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, part in tree.items():
        key = f"{at}.{name}" if at else name
        if name == "source" and isinstance(part, str):
            yield key, part
        elif isinstance(part, dict):
            yield from _cited(key, part)
