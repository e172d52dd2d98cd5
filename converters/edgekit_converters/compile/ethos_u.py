"""Compile for an Ethos-U with Vela."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from edgekit_converters.compile.compilation import Compilation, Compiled, CompileError, CompilerFigure, predicted
from edgekit_targets.findings import Place
from edgekit_targets.graph.graph import Graph
from edgekit_targets.graph.read import read_graph
from edgekit_targets.npu import Npu, NpuCompiler
from edgekit_targets.rules.common import TO_INTEGER
from edgekit_targets.rules.ethos_u import MEND
from edgekit_targets.vela.room import beyond
from edgekit_targets.vela.vela import VelaError, compile_with_vela, vela_version

COMPILED_OPERATOR = "ethos-u"
METHOD = "Vela's own estimate"
KIB = 1024
MEMORIES = {
    "sram": "sram_memory_used",
    "dram": "dram_memory_used",
    "on_chip_flash": "on_chip_flash_memory_used",
    "off_chip_flash": "off_chip_flash_memory_used",
}
"""From our names of memories to the columns of Vela's summary, which are in KiB."""


def compile_ethos_u(model: Path, target: str, npu: Npu, folder: Path) -> Compiled:
    """Compile a `.tflite` file for an Ethos-U.

    Args:
        model: The file.
        target: The target's name, for what to do about a model that is not taken.
        npu: The accelerator.
        folder: Where Vela's files go.

    Raises:
        CompileError: Vela refuses the model, or would run nothing of it on the accelerator.
        MissingExtraError: Vela is not installed, or too old.
        ChildError: Vela died.
    """
    assert npu.compiler is not None, "who calls this has looked"
    compiler = npu.compiler
    try:
        made = compile_with_vela(model, compiler, folder)
    except VelaError as error:
        raise CompileError(error.message, hint=MEND.text) from error
    graph, left = read_graph(model), read_graph(made.file)
    on_cpu = _on_cpu(graph, left)
    if graph.main.operators and not _on_npu(left):
        hint = f"{TO_INTEGER.text.replace('TARGET', target)}. Reasons: edgekit check MODEL --target {target}"
        raise CompileError(f"No operator of the model runs on the {npu.model.value}.", hint=hint)
    version = f"Vela {vela_version()}"
    figures = (
        predicted("operators_on_npu", len(graph.main.operators) - len(on_cpu), "operator", METHOD),
        predicted("operators_on_cpu", len(on_cpu), "operator", METHOD),
        predicted("partitions", _on_npu(left), "partition", METHOD),
        *_figures(made.summary, npu),
    )
    compilation = Compilation(
        accelerator=compiler.accelerator,
        compiler=version,
        command=_command(compiler),
        file=f"model.{compiler.accelerator}.tflite",
        reason="",
        figures=figures,
        on_cpu=on_cpu,
        beyond_chip=beyond(made.summary, npu),
    )
    return Compiled(compilation, made.file)


def _figures(summary: Mapping[str, str], npu: Npu) -> Iterator[CompilerFigure]:
    for name, column in MEMORIES.items():
        if float(summary[column]):
            yield predicted(name, float(summary[column]) * KIB, "byte", METHOD)
    cycles, macs = float(summary["cycles_total"]), float(summary["nn_macs"])
    yield predicted("cycles", cycles, "cycle", METHOD)
    yield predicted("latency", float(summary["inference_time"]) * 1e9, "ns", f"{METHOD} at {_clock(summary)}")
    if cycles and npu.macs_per_cycle is not None:
        share = macs / (cycles * npu.macs_per_cycle.value)
        yield predicted(
            "mac_utilisation", share, "share", f"{METHOD}: MACs by cycles and {npu.macs_per_cycle.value} MACs"
        )
    yield predicted("weights", float(summary["total_original_weights"]), "byte", METHOD)
    yield predicted("weights_encoded", float(summary["total_npu_encoded_weights"]), "byte", METHOD)


def _clock(summary: Mapping[str, str]) -> str:
    return f"{float(summary['core_clock']) / 1e6:.0f} MHz, {summary['system_config']}, {summary['memory_mode']}"


def _command(compiler: NpuCompiler) -> str:
    return (
        f"vela model.tflite --accelerator-config {compiler.accelerator} --config Arm/vela.ini "
        f"--system-config {compiler.system_config} --memory-mode {compiler.memory_mode}"
    )


def _on_npu(left: Graph) -> int:
    return sum(operator.name == COMPILED_OPERATOR for operator in left.main.operators)


def _on_cpu(graph: Graph, left: Graph) -> tuple[Place, ...]:
    """The operators of the model that are still there in the compiled file; some outputs have lost their name."""
    main = graph.main
    kept = [(op.name, Place.of(left.main, i).tensor) for i, op in enumerate(left.main.operators)]
    places = [Place.of(main, index) for index in range(len(main.operators))]
    named = [place for place in places if (place.name, place.tensor) in kept]
    missing = len([name for name, _ in kept if name != COMPILED_OPERATOR]) - len(named)
    names = {name for name, _ in kept}
    others = [place for place in places if place not in named and place.name in names]
    return tuple(sorted((*named, *others[:missing]), key=lambda place: place.operator))
