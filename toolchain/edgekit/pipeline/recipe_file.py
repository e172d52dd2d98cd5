"""Recipe files: TOML whose steps become tables, with every fault told at once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Optional

from edgekit_converters.compress.settings import L1, UNIFORM
from edgekit_runtime.codec import FormatError, strip_header
from edgekit_runtime.errors import RecipeError
from edgekit_targets.validate import validate

SOURCE = "source"


@dataclass(frozen=True)
class TransferTable:
    """A new head; see `TransferSettings`."""

    classes: int
    step: Literal["transfer"] = field(default="transfer", kw_only=True)


@dataclass(frozen=True)
class PruneTable:
    """Channels leave; see `PruneSettings` and `PruneStep`. What is `None` goes by the target or the command line."""

    share: Optional[float] = None
    width: Optional[float] = None
    importance: str = L1
    widths: str = UNIFORM
    alignment: Optional[int] = None
    data: Optional[str] = None
    rounds: Optional[int] = None
    max_drop: Optional[float] = None
    step: Literal["prune"] = field(default="prune", kw_only=True)


@dataclass(frozen=True)
class Learning:
    """How the network learns; see `TrainSettings`."""

    data: Optional[str] = None
    validation: Optional[str] = None
    task: str = "auto"
    epochs: int = 10
    batch: int = 32
    learning_rate: float = 1e-3
    warmup_share: float = 0.05
    patience: Optional[int] = None
    freeze: float = 0.0


@dataclass(frozen=True)
class TrainTable(Learning):
    """The network learns from labels."""

    step: Literal["train"] = field(default="train", kw_only=True)


@dataclass(frozen=True)
class DistilTable(Learning):
    """The network learns from a teacher: `source`, or any model that edgekit opens."""

    teacher: str = SOURCE
    teacher_weights: Optional[str] = None
    temperature: float = 4.0
    weight: float = 0.7
    feature_weight: float = 0.0
    step: Literal["distil"] = field(default="distil", kw_only=True)


@dataclass(frozen=True)
class QuantizeTable:
    """The last step; see `QuantizeSettings`."""

    scheme: str
    calibration: Optional[str] = None
    step: Literal["quantize"] = field(default="quantize", kw_only=True)


Table = TransferTable | PruneTable | TrainTable | DistilTable
TABLES: dict[str, type[Table] | type[QuantizeTable]] = {
    "transfer": TransferTable,
    "prune": PruneTable,
    "train": TrainTable,
    "distil": DistilTable,
    "quantize": QuantizeTable,
}
LAST = "quantize"


@dataclass(frozen=True)
class RecipeDocument:
    """A recipe as its author writes it.

    Attributes:
        steps: In order.
        name: Its name; that of the file by default.
    """

    SCHEMA: ClassVar[str] = "edgekit/recipe"
    VERSION: ClassVar[int] = 1

    steps: tuple[TransferTable | PruneTable | TrainTable | DistilTable | QuantizeTable, ...]
    name: Optional[str] = None


@dataclass(frozen=True)
class RecipeFile:
    """A recipe that was read.

    Attributes:
        name: Its name.
        folder: What paths in it are relative to.
        steps: In order.
        quantize: The last step; `None` leaves it to the command line or the target.
    """

    name: str
    folder: Path
    steps: tuple[Table, ...]
    quantize: QuantizeTable | None


def read_recipe(path: Path) -> RecipeFile:
    """Read a recipe file.

    Raises:
        RecipeError: One line for each fault: `file: key: fault; allowed: ...`.
    """
    try:
        tree = strip_header(RecipeDocument, tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}.", hint="Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: it is no TOML: {error}.") from error
    except FormatError as error:
        raise _told(path, error.faults) from error
    faults = [f"{key}: unknown; allowed: name, steps" for key in tree if key not in ("name", "steps")]
    name, steps = tree.get("name", path.stem), tree.get("steps")
    if not isinstance(name, str):
        faults.append("name: is no text")
    if not isinstance(steps, list) or not steps:
        faults.append("steps: missing; allowed: one [[steps]] table or more")
        steps = []
    tables = [_read_step(step, f"steps[{i}]", faults) for i, step in enumerate(steps)]
    faults += _order_faults(steps)
    if faults:
        raise _told(path, tuple(faults))
    quantize = next((table for table in tables if isinstance(table, QuantizeTable)), None)
    others = tuple(table for table in tables if table is not None and not isinstance(table, QuantizeTable))
    return RecipeFile(name, path.parent, others, quantize)


def _read_step(step: object, at: str, faults: list[str]) -> Table | QuantizeTable | None:
    kind = step.get("step") if isinstance(step, dict) else None
    if not isinstance(step, dict) or not isinstance(kind, str) or kind not in TABLES:
        faults.append(f"{at}.step: is {kind!r}; allowed: {', '.join(TABLES)}")
        return None
    try:
        return validate(TABLES[kind], step)
    except FormatError as error:
        faults += [f"{at}.{fault}" for fault in error.faults]
        return None


def _order_faults(steps: list[Any]) -> list[str]:
    kinds = [step.get("step") if isinstance(step, dict) else None for step in steps]
    wrong = LAST in kinds[:-1]
    return [f"steps: {LAST} stands before others; allowed: only as the last"] if wrong else []


def _told(path: Path, faults: tuple[str, ...]) -> RecipeError:
    return RecipeError("\n".join(f"{path}: {fault}" for fault in faults))
