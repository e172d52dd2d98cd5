"""What a target profile says of a device, each figure with its source and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from edgekit_targets.names import Confidence, Feature, ModelFormat, SchemeName
from edgekit_targets.npu import COMPILES, Link, Npu
from edgekit_targets.sourced import Sourced


@dataclass(frozen=True)
class Caches:
    """Caches of the processor; first level for each core.

    Attributes:
        l1_data_kib: First level, data.
        l1_instruction_kib: First level, instructions.
        l2_kib: Second level, all cores together.
        l3_kib: Third level, which all cores share.
    """

    l1_data_kib: Sourced[int] | None = None
    l1_instruction_kib: Sourced[int] | None = None
    l2_kib: Sourced[int] | None = None
    l3_kib: Sourced[int] | None = None


@dataclass(frozen=True)
class Speed:
    """What one core computes, at best and with the interpreter's kernels; what is not known is `None`.

    Attributes:
        float32_macs_per_cycle: Dense multiply-accumulates in float32.
        int8_macs_per_cycle: Dense multiply-accumulates of int8 values.
        depthwise_float32_macs_per_cycle: Those of depthwise convolutions, in float32.
        depthwise_int8_macs_per_cycle: Those of depthwise convolutions, of int8 values.
        operator_overhead_us: What each operator costs beside its work.
    """

    float32_macs_per_cycle: Sourced[float] | None = None
    int8_macs_per_cycle: Sourced[float] | None = None
    depthwise_float32_macs_per_cycle: Sourced[float] | None = None
    depthwise_int8_macs_per_cycle: Sourced[float] | None = None
    operator_overhead_us: Sourced[float] | None = None


@dataclass(frozen=True)
class Cpu:
    """The processor; what is not known is `None`.

    Attributes:
        model: Its cores' name, such as `Cortex-A72`.
        isa: Instruction set as the system names it, such as `aarch64`.
        cores: How many cores it has.
        features: Extensions it has.
        features_absent: Extensions it is known to lack.
        clock_mhz: Highest clock as sold; the clock of a run is read from the device.
        caches: Its caches.
        speed: What one core computes in a cycle.
        channel_alignment: Channel counts that are a multiple of this one use its kernels fully.
    """

    model: Sourced[str] | None = None
    isa: Sourced[str] | None = None
    cores: Sourced[int] | None = None
    features: Sourced[tuple[Feature, ...]] | None = None
    features_absent: Sourced[tuple[Feature, ...]] | None = None
    clock_mhz: Sourced[float] | None = None
    caches: Caches | None = None
    speed: Speed | None = None
    channel_alignment: Sourced[int] | None = None

    def __post_init__(self) -> None:
        if self.features is None or self.features_absent is None:
            return
        both = sorted(set(self.features.value) & set(self.features_absent.value))
        if both:
            raise ValueError(f"features and features_absent both name {', '.join(both)}; allowed: each in one of them")

    def has(self, feature: Feature) -> bool | None:
        """Tell whether it has an extension; `None` when the profile does not say."""
        if self.features is not None and feature in self.features.value:
            return True
        if self.features_absent is not None and feature in self.features_absent.value:
            return False
        return None


@dataclass(frozen=True)
class Memory:
    """The main memory; what is not known is `None`.

    Attributes:
        ram_kib: Memory of the smallest board sold under the profile's name.
        bandwidth_mb_s: Bytes copied in a second, in units of 10^6.
    """

    ram_kib: Sourced[int] | None = None
    bandwidth_mb_s: Sourced[float] | None = None


@dataclass(frozen=True)
class Power:
    """What the whole board draws; what is not known is `None`.

    Attributes:
        idle_mw: With nothing to do.
        busy_mw: With every core busy.
        spread_percent: How far other readings of such boards lie from these, at most.
    """

    idle_mw: Sourced[float] | None = None
    busy_mw: Sourced[float] | None = None
    spread_percent: Sourced[float] | None = None


READS: Mapping[str, ModelFormat] = {"ai-edge-litert": "tflite", "tflite-runtime": "tflite", "onnxruntime": "onnx"}
"""The model format that each interpreter reads."""


@dataclass(frozen=True)
class Runtime:
    """An interpreter that runs on the device.

    Attributes:
        name: Name of its Python package.
        version: The version that edgekit is tried with.
        format: The model format it reads.
    """

    name: Literal["ai-edge-litert", "tflite-runtime", "onnxruntime"]
    version: str
    format: ModelFormat

    def __post_init__(self) -> None:
        if self.format != READS[self.name]:
            raise ValueError(f"format is {self.format}, which {self.name} does not read; allowed: {READS[self.name]}")


@dataclass(frozen=True)
class RecipeChoice:
    """The recipe that this target takes where the user names none.

    Attributes:
        name: Name of the recipe.
        reason: Why, in words for the user.
        source: Key of a citation in the profile's `sources`.
        confidence: How far the reason can be trusted.
    """

    name: SchemeName
    reason: str
    source: str
    confidence: Confidence


@dataclass(frozen=True)
class Budgets:
    """What a model may cost on this device; `None` where there is no limit.

    Attributes:
        latency_p50_ms: Median time of an inference.
        latency_p90_ms: Time that 9 of 10 inferences keep.
        latency_p99_ms: Time that 99 of 100 inferences keep.
        load_time_ms: Time to open the model.
        first_inference_ms: Time of the first inference.
        peak_rss_kib: Highest resident memory of the process.
        model_memory_kib: What the model adds to the resident memory.
        model_size_kib: Length of the model's file.
    """

    latency_p50_ms: float | None = None
    latency_p90_ms: float | None = None
    latency_p99_ms: float | None = None
    load_time_ms: float | None = None
    first_inference_ms: float | None = None
    peak_rss_kib: float | None = None
    model_memory_kib: float | None = None
    model_size_kib: float | None = None

    def __post_init__(self) -> None:
        wrong = [name for name, limit in vars(self).items() if limit is not None and limit <= 0]
        if wrong:
            raise ValueError(f"{', '.join(wrong)} not above 0; allowed: more than 0")


@dataclass(frozen=True)
class Profile:
    """A target: the device as it is known before anything was measured on it.

    Attributes:
        name: Its name in the catalog.
        summary: One line for lists.
        sources: From the keys that the figures name to citations.
        runtimes: Interpreters, the preferred one first; none where edgekit's runtime does not run, as on a
            microcontroller: a model can be checked, compiled and predicted for such a target, and not measured.
        recipe: What is done to a model where the user does not say.
        boards: How the firmware's names of such boards begin; empty for a profile of no board.
        cpu: The processor.
        memory: The main memory.
        power: What the board draws.
        budgets: What a model may cost.
        npu: An accelerator beside the processor; `None` without one.
        link: What lies between the two; `None` where nothing is known of it.
    """

    SCHEMA: ClassVar[str] = "edgekit/profile"
    VERSION: ClassVar[int] = 1

    name: str
    summary: str
    sources: Mapping[str, str]
    runtimes: tuple[Runtime, ...]
    recipe: RecipeChoice
    boards: tuple[str, ...] = ()
    cpu: Cpu = Cpu()
    memory: Memory = Memory()
    power: Power = Power()
    budgets: Budgets = Budgets()
    npu: Npu | None = None
    link: Link | None = None

    def __post_init__(self) -> None:
        wrong = tuple(self._contradictions())
        if wrong:
            raise ValueError("\n".join(wrong))

    @property
    def formats(self) -> tuple[ModelFormat, ...]:
        """Formats of model files that are of use on it: the accelerator's, then the runtimes'."""
        compiled = COMPILES[self.npu.family] if self.npu is not None else ()
        return tuple(dict.fromkeys((*compiled, *(runtime.format for runtime in self.runtimes))))

    def _contradictions(self) -> Iterator[str]:
        if not self.runtimes and self.npu is None:
            yield "runtimes is empty; allowed: at least one, or none beside an [npu]"
        if self.npu is None and self.link is not None:
            yield "link is given without an [npu] at its other end; allowed: both or no link"
        if self.npu is not None and self.recipe.name not in self.npu.schemes.value:
            schemes = ", ".join(self.npu.schemes.value)
            yield f"recipe.name is {self.recipe.name}, which npu.schemes does not hold; allowed: {schemes}"


@dataclass(frozen=True)
class LoadedProfile:
    """A profile, and the bytes that say the same.

    Attributes:
        profile: What they say.
        toml: The file as a bundle keeps it, complete by itself: the very bytes it was read from, or where
            it extends another profile the two as one.
    """

    profile: Profile
    toml: bytes

    @property
    def sha256(self) -> str:
        """Checksum of `toml`, in hexadecimal."""
        from hashlib import sha256  # loads OpenSSL, which only a bundle needs

        return sha256(self.toml).hexdigest()
