"""What is installed here, told by the packages' metadata: nothing is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from operator import eq, ge, gt, le, lt, ne

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)\s*(\[[^]]*\])?\s*\(?(?P<versions>[^;()]*)\)?\s*(;(?P<marker>.*))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
_SIGNS = {"==": eq, "!=": ne, ">=": ge, "<=": le, ">": gt, "<": lt}
_CONDITION = re.compile(r"(==|!=|>=|<=|>|<)\s*([\w.]+)")
_MODULES = {
    "ethos-u-vela": "ethosu",
    "pillow": "PIL",
    "scikit-learn": "sklearn",
}  # where the module is not called as its package is


@dataclass(frozen=True)
class Requirement:
    """What a package needs.

    Attributes:
        name: The package that is needed.
        versions: Which versions, such as `==2.21.0`; empty for any.
        marker: When it is needed; empty for always.
        extra: The extra that it belongs to; empty for none.
    """

    name: str
    versions: str
    marker: str
    extra: str


def installed(name: str) -> Distribution | None:
    """A package's metadata; `None` where it is not installed."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def version_of(name: str) -> str | None:
    """The installed version; `None` where its module is not there, `unknown` where only the module is."""
    module = _MODULES.get(name, name.replace("-", "_"))
    if find_spec(module) is None:
        return None
    found = installed(name)
    return found.version if found is not None else "unknown"


def requirements_of(package: Distribution | None) -> Iterator[Requirement]:
    """What a package's metadata says it needs."""
    for line in (package.requires or []) if package is not None else []:
        match = _REQUIREMENT.match(line)
        if match is not None:
            marker = (match["marker"] or "").strip()
            extra = _EXTRA.search(marker)
            yield Requirement(match["name"], match["versions"].strip(), marker, extra[1] if extra else "")


def allows(versions: str, version: str) -> bool:
    """Whether a version fits conditions such as `>=3.11,<3.14`; of a version only the numbers are compared."""
    conditions = _CONDITION.findall(versions)
    return all(_SIGNS[sign](_numbers(version), _numbers(limit)) for sign, limit in conditions)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0]))
