"""Which interpreter a device can have: a table of what exists as wheels, and what would do where none fits."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit_devices.device import DeviceInfo
from edgekit_runtime.errors import DeviceError

SIXTY_FOUR, THIRTY_TWO = ("aarch64", "x86_64"), ("armv7l",)


@dataclass(frozen=True)
class Offer:
    """An interpreter as wheels, and where they run; as its package index listed them in November 2026.

    Attributes:
        format: Format of the models it runs.
        interpreter: The distribution.
        requirements: All that is fetched, with versions.
        machines: Instruction sets of the userland.
        pythons: First and last minor version of Python 3.
        glibc: The oldest C library.
        system_numpy: Whether numpy comes from the device's own packages, as there is no wheel of it.
    """

    format: str
    interpreter: str
    requirements: tuple[str, ...]
    machines: tuple[str, ...]
    pythons: tuple[int, int]
    glibc: tuple[int, int]
    system_numpy: bool = False


# In the order of preference. What an interpreter's import does not need is left out.
LITERT = ("ai-edge-litert==2.3.0", "ml-dtypes==0.6.0")
OFFERS = (
    Offer("tflite", "ai-edge-litert", (*LITERT, "numpy==2.4.6"), SIXTY_FOUR, (11, 14), (2, 27)),
    Offer("tflite", "ai-edge-litert", (*LITERT, "numpy==2.2.6"), SIXTY_FOUR, (10, 10), (2, 27)),
    Offer("tflite", "tflite-runtime", ("tflite-runtime==2.14.0", "numpy==1.26.4"), SIXTY_FOUR, (9, 9), (2, 34)),
    Offer("tflite", "tflite-runtime", ("tflite-runtime==2.14.0",), THIRTY_TWO, (9, 11), (2, 34), system_numpy=True),
    Offer("onnx", "onnxruntime", ("onnxruntime==1.31.1", "numpy==2.4.6"), SIXTY_FOUR, (11, 14), (2, 28)),
)
OWN = {"tflite": ("ai-edge-litert", "tflite-runtime"), "onnx": ("onnxruntime",)}
NUMPY_HINT = "Run there: sudo apt install python3-numpy"


def own_interpreter(info: DeviceInfo, model_format: str) -> str | None:
    """The interpreter that the device's own Python has for a format, with version; `None` without one, or numpy."""
    found = [name for name in info.interpreters if name.split()[0] in OWN.get(model_format, ())]
    return found[0] if found and info.numpy else None


def offers_for(info: DeviceInfo) -> tuple[Offer, ...]:
    """The interpreters that exist as wheels for a device."""
    return tuple(offer for offer in OFFERS if not _obstacles(offer, info))


def choose_offer(info: DeviceInfo, model_format: str, address: str) -> Offer:
    """The interpreter to bring to a device.

    Raises:
        DeviceError: None fits; told with what would.
    """
    offers = [offer for offer in OFFERS if offer.format == model_format]
    fitting = next((offer for offer in offers if not _obstacles(offer, info)), None)
    if fitting is None:
        raise _no_offer(info, model_format, address, offers)
    if fitting.system_numpy and not info.numpy:
        raise DeviceError(
            f"{address}: numpy is missing, and there is no wheel of it for {machine_of(info)}.", hint=NUMPY_HINT
        )
    return fitting


def machine_of(info: DeviceInfo) -> str:
    """The instruction set of the userland: a 64-bit kernel may carry a 32-bit system."""
    narrow = {"aarch64": "armv7l", "x86_64": "i686"}
    return narrow.get(info.machine, info.machine) if info.bits == 32 else info.machine


def minor_of(info: DeviceInfo) -> int:
    """The minor version of the device's Python 3."""
    return int(info.python.split(".")[1])


def _obstacles(offer: Offer, info: DeviceInfo) -> list[str]:
    found = []
    if machine_of(info) not in offer.machines:
        found.append("machine")
    if not offer.pythons[0] <= minor_of(info) <= offer.pythons[1]:
        found.append("python")
    if _glibc(info) < offer.glibc:
        found.append("glibc")
    return found


def _no_offer(info: DeviceInfo, model_format: str, address: str, offers: list[Offer]) -> DeviceError:
    library = f"glibc {info.glibc}" if info.glibc else "a C library that is not glibc"
    what = f"{machine_of(info)}, Python {info.python}, {library}"
    near = [_asked(offer) for offer in offers if "machine" not in _obstacles(offer, info)]
    hint = f"What would do: {'; or '.join(near)}." if near else _other_system(info, model_format)
    return DeviceError(f"{address}: no interpreter for .{model_format} models exists for it ({what}).", hint=hint)


def _asked(offer: Offer) -> str:
    first, last = offer.pythons
    pythons = f"Python 3.{first}" if first == last else f"Python 3.{first} to 3.{last}"
    return f"{pythons} with glibc {'.'.join(map(str, offer.glibc))} or newer ({offer.interpreter})"


def _other_system(info: DeviceInfo, model_format: str) -> str:
    if info.bits == 32 and model_format == "onnx":
        return "What would do: a 64-bit system, or converting to .tflite."
    return "What would do: a 64-bit system (aarch64 or x86_64)."


def _glibc(info: DeviceInfo) -> tuple[int, int]:
    major, _, minor = info.glibc.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)
