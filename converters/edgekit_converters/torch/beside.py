"""What lies beside the weights of a checkpoint: settings, scores, dates.

None of it is wanted, and none of it is made: the unpickler of weights is handed stand-ins under the names of these
kinds, so that no code but this module's runs. What else a file names is refused.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

VALUES = (
    "argparse.Namespace",
    "datetime.date",
    "datetime.datetime",
    "datetime.timedelta",
    "datetime.timezone",
    *(f"builtins.{name}" for name in ("dict", "list")),
    "numpy.dtype",
    "numpy.ndarray",
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    *(f"pathlib{module}.{name}" for module in ("", "._local") for name in ("Path", "PosixPath", "WindowsPath")),
)
MAPPINGS = (
    "collections.defaultdict",
    "easydict.EasyDict",
    *(f"{package}.utilities.data.AttributeDict" for package in ("lightning.fabric", "lightning_fabric")),
    *(f"{package}.utilities.parsing.AttributeDict" for package in ("lightning.pytorch", "pytorch_lightning")),
)


class LeftOut:
    """A value that is not looked at."""

    def __new__(cls, *_: object) -> LeftOut:
        """Take whatever the value was made of."""
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Take whatever it held."""


class LeftOutMapping:
    """A mapping of a class that is not looked at; its entries are."""

    def __new__(cls, *_: object) -> Any:
        """Give one that the unpickler fills."""
        return OrderedDict()


STAND_INS: list[Any] = [
    *((LeftOut, name) for name in VALUES),
    *((LeftOutMapping, name) for name in MAPPINGS),
]
"""What `torch.serialization.safe_globals` takes: each stand-in with the name that it goes by in a file."""
