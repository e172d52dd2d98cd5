"""Profiles that extend another one: the files of the chain, merged into one tree."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit_runtime.codec import FormatError, strip_header
from edgekit_runtime.errors import ProfileError
from edgekit_targets.profile import Profile

Tree = dict[str, Any]

EXTENDS = "extends"
NEVER_INHERITED = ("name",)  # else two profiles would go by one name
STATEMENT = "source"  # a table with this key is one statement: new values do not go with an old source


@dataclass(frozen=True)
class ProfileFile:
    """A profile's file, not read yet.

    Attributes:
        label: Its name in messages.
        toml: Its bytes.
        path: Where it lies; `None` for a profile that comes with edgekit.
    """

    label: str
    toml: bytes
    path: Path | None = None

    @property
    def identity(self) -> str:
        """The same for the same file, however it is named."""
        return str(self.path.resolve()) if self.path is not None else self.label


FindBase = Callable[[str, ProfileFile], ProfileFile]
"""From what `extends` says, and the file that says it, to the file of the base; raises `ProfileError`."""


@dataclass(frozen=True)
class Merged:
    """What a chain of files says together.

    Attributes:
        tree: Without header and `extends`.
        origins: From each key, with dots between its parts, to the file where it stands.
        files: The files' names in messages, from the one that was asked for to its last base.
    """

    tree: Tree
    origins: Mapping[str, str]
    files: tuple[str, ...]


def merge_chain(file: ProfileFile, find_base: FindBase) -> Merged:
    """Read a profile's file and all that it extends, and merge them.

    Tables are merged key by key, down to those with a source, which count as one statement; where both say
    something, the file that extends wins. `name` is never taken over.

    Raises:
        ProfileError: A file is missing, is no TOML, is no profile, or a chain comes back to itself.
    """
    chain = [(file, _parse(file))]
    while EXTENDS in chain[-1][1]:
        last, tree = chain[-1]
        base = _find(tree[EXTENDS], last, find_base)
        _check_new(base, [known for known, _ in chain])
        chain.append((base, _parse(base)))
    merged: Tree = {}
    origins: dict[str, str] = {}
    for number, (layer, tree) in reversed(list(enumerate(chain))):
        left_out = (EXTENDS, *NEVER_INHERITED) if number else (EXTENDS,)
        own = {key: part for key, part in tree.items() if key not in left_out}
        merged = _merge(merged, own, "", layer.label, origins)
    return Merged(merged, origins, tuple(layer.label for layer, _ in chain))


def _parse(file: ProfileFile) -> Tree:
    try:
        tree = tomllib.loads(file.toml.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"{file.label}: it is no TOML in UTF-8: {error}.") from error
    try:
        return strip_header(Profile, tree)
    except FormatError as error:
        raise ProfileError("\n".join(f"{file.label}: {fault}" for fault in error.faults)) from error


def _find(extends: object, file: ProfileFile, find_base: FindBase) -> ProfileFile:
    if not isinstance(extends, str):
        raise ProfileError(f"{file.label}: {EXTENDS}: is {extends!r}; allowed: text, a target's name or a .toml file.")
    try:
        return find_base(extends, file)
    except ProfileError as error:
        raise ProfileError(f"{file.label}: {EXTENDS}: {error.message}", hint=error.hint) from error


def _check_new(base: ProfileFile, chain: list[ProfileFile]) -> None:
    identities = [file.identity for file in chain]
    if base.identity not in identities:
        return
    circle = [file.label for file in chain[identities.index(base.identity) :]]
    if len(circle) == 1:
        raise ProfileError(f"{circle[0]}: {EXTENDS}: is the file itself; allowed: another profile.")
    way = " -> ".join([*circle, circle[0]])
    raise ProfileError(f"{circle[-1]}: {EXTENDS}: goes round in a circle: {way}; allowed: a chain with an end.")


def _merge(base: Tree, own: Tree, at: str, label: str, origins: dict[str, str]) -> Tree:
    merged = dict(base)
    for key, part in own.items():
        where = f"{at}.{key}" if at else key
        origins[where] = label
        below = base.get(key)
        if not (isinstance(below, dict) and isinstance(part, dict)) or STATEMENT in below or STATEMENT in part:
            _forget(where, origins)
            below = {}
        merged[key] = _merge(below, part, where, label, origins) if isinstance(part, dict) else part
    return merged


def _forget(where: str, origins: dict[str, str]) -> None:
    """Forget where the keys of a table stood that is replaced as a whole."""
    for known in [known for known in origins if known.startswith(f"{where}.")]:
        del origins[known]
