"""Reading a target profile from TOML, with every fault told at once, each with the file where it stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from edgekit_runtime.codec import FormatError
from edgekit_runtime.errors import ProfileError
from edgekit_targets.contradictions import contradictions
from edgekit_targets.extends import FindBase, Merged, ProfileFile, merge_chain
from edgekit_targets.profile import LoadedProfile, Profile
from edgekit_targets.validate import validate


def read_profile(toml: bytes, file: str) -> LoadedProfile:
    """Read a profile that is complete by itself, such as that of a bundle.

    Args:
        toml: The file's bytes.
        file: Its name, for the faults.

    Raises:
        ProfileError: One line for each fault: `file: key: fault; allowed: ...`.
    """
    return resolve_profile(ProfileFile(file, toml), _no_base)


def resolve_profile(file: ProfileFile, find_base: FindBase) -> LoadedProfile:
    """Read a profile and what it extends.

    Args:
        file: The profile.
        find_base: Finds what it extends.

    Raises:
        ProfileError: One line for each fault of what they say together: `file: key: fault; allowed: ...`,
            with the file where the key stands.
    """
    try:
        return _resolve(merge_chain(file, find_base), file)
    except RecursionError as error:
        raise ProfileError(f"{file.label}: its tables lie too deep within each other.") from error


def _resolve(merged: Merged, file: ProfileFile) -> LoadedProfile:
    faults = (*_unknown_sources(merged.tree), *contradictions(merged.tree))
    try:
        profile = validate(Profile, merged.tree)
    except FormatError as error:
        raise _told(merged, tuple(dict.fromkeys((*error.faults, *faults)))) from error
    if faults:
        raise _told(merged, faults)
    toml = file.toml if len(merged.files) == 1 else _written(merged.tree)
    return LoadedProfile(profile, toml)


def _no_base(extends: str, file: ProfileFile) -> ProfileFile:  # noqa: ARG001  # the form of a FindBase
    raise ProfileError(f"is {extends!r}; allowed here: only a profile that is complete by itself.")


def _written(tree: dict[str, Any]) -> bytes:
    from tomli_w import dumps

    ordered = {field.name: tree[field.name] for field in dataclasses.fields(Profile) if field.name in tree}
    return dumps({"schema": Profile.SCHEMA, "version": Profile.VERSION, **ordered}).encode()


def _told(merged: Merged, faults: tuple[str, ...]) -> ProfileError:
    return ProfileError("\n".join(f"{_home(merged, fault)}: {fault}" for fault in faults))


def _home(merged: Merged, fault: str) -> str:
    """The file where the key of a fault stands, or else the table around it."""
    text = fault.removeprefix("document: ")
    spelled = (text, text.replace(": ", ".", 1))  # what is wrong within a table begins with the part's name
    around = [key for key in merged.origins if any(way.startswith(_ended(key)) for way in spelled)]
    return merged.origins[max(around, key=len)] if around else merged.files[0]


def _ended(key: str) -> tuple[str, ...]:
    return tuple(f"{key}{end}" for end in ":.[ ")


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
