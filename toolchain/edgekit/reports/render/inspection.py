"""What a finished model says of itself, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgekit.inspecting import BundleContent, Inspection
from edgekit.reports.render.quality import quality_rows
from edgekit.reports.render.units import plain, unit_for
from edgekit_runtime.figure import Figure
from edgekit_runtime.tensor import Quantization, TensorSpec
from edgekit_targets.graph.summary import GraphSummary, MemoryPeak, OperatorCount

SHOWN_ALIVE = 3  # tensors at the peak: the others are smaller
NAME_CHARACTERS = 40
Rows = list[tuple[str, str]]


def print_inspection(inspection: Inspection, console: Console) -> None:
    """Show a model: its borders, its operators, its size and costs, and for a bundle how it was made."""
    graph = inspection.graph
    console.print(Text(inspection.path, style="bold"))
    console.print(_rows([*_source(inspection), *_borders("input", graph.inputs), *_borders("output", graph.outputs)]))
    console.print()
    console.print(_operators(graph.operators))
    console.print()
    console.print(_rows(_facts(inspection)))
    if inspection.bundle is not None:
        console.print()
        console.print(_rows(_bundle(inspection.bundle)))


def _source(inspection: Inspection) -> Rows:
    source = inspection.source
    if source is None:
        return []
    made = ", ".join(f"{library.name} {library.version}" for library in source.libraries)
    exported = f"{source.source_format}; what follows is of its float32 {inspection.graph.format} export by {made}"
    return [("source", "; ".join((exported, *source.notes)))]


def _borders(what: str, specs: Sequence[TensorSpec]) -> Rows:
    return [(what, f"{spec.name} {_shape(spec.shape)} {spec.dtype}{_quantization(spec)}") for spec in specs]


def _shape(shape: Sequence[int]) -> str:
    return "(" + ", ".join("any" if size == -1 else str(size) for size in shape) + ")"


def _quantization(spec: TensorSpec) -> str:
    quantization: Quantization | None = spec.quantization
    if quantization is None:
        return ""
    if len(quantization.scale) > 1:
        return f", {len(quantization.scale)} scales along axis {quantization.axis}"
    return f", scale {quantization.scale[0]:.6g}, zero point {quantization.zero_point[0]}"


def _operators(operators: Sequence[OperatorCount]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("operator", overflow="fold")
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("MACs", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for row in operators:
        macs = "unknown" if row.macs.value is None else _count(row.macs)
        table.add_row(Text(row.name), str(row.count), macs, Text(row.macs.reason or ("layout" if row.layout else "")))
    return table


def _facts(inspection: Inspection) -> Rows:
    graph = inspection.graph
    rows = [
        ("model file", f"{_bytes(inspection.model_size.value or 0)} ({_constants(inspection)})"),
        ("parameters", _count(graph.parameters)),
        ("MACs", _total_macs(graph)),
        ("layout", _layout(graph)),
        ("peak activations", _peak(graph.peak)),
        ("dynamic shapes", _dynamic(graph)),
        ("custom operators", ", ".join(row.name for row in graph.operators if row.custom) or "none"),
    ]
    if graph.opsets:
        rows.append(("opsets", ", ".join(f"{opset.domain} {opset.version}" for opset in graph.opsets)))
    rows.extend(("note", note) for note in graph.notes)
    if graph.graphs > 1:
        rows.append(("graphs", f"{graph.graphs}, run by operators of the first"))
    return rows


def _constants(inspection: Inspection) -> str:
    parts = [f"{row.dtype} {_bytes(row.size_bytes)}" for row in inspection.graph.constants]
    rest = (inspection.model_size.value or 0) - sum(row.size_bytes for row in inspection.graph.constants)
    return ", ".join([*parts, f"structure {_bytes(rest)}"])


def _total_macs(graph: GraphSummary) -> str:
    text = f"{_count(graph.macs)}, {graph.macs.mode}"
    if not graph.not_counted:
        return text
    return f"at least {text}; not counted: {', '.join(graph.not_counted)}"


def _layout(graph: GraphSummary) -> str:
    names = ", ".join(row.name for row in graph.operators if row.layout)
    if not names:
        return "no operator only moves values"
    return (
        f"{_share(graph.layout_operators)} of the operators only move values ({names}); "
        f"their share of all bytes moved: {_share(graph.layout_bytes)}"
    )


def _peak(peak: MemoryPeak) -> str:
    if peak.size.value is None:
        return f"unknown: {peak.size.reason}"
    text = f"{_bytes(peak.size.value)}, {peak.size.mode}; scratch memory on top"
    if peak.place is None:
        return text
    alive = [f"{_short(tensor.name)} {_bytes(tensor.size_bytes)}" for tensor in peak.alive[:SHOWN_ALIVE]]
    more = len(peak.alive) - len(alive)
    others = f", {more} smaller" if more else ""
    return f"{text}; at operator {peak.place}, {peak.operator}: {', '.join(alive)}{others}"


def _dynamic(graph: GraphSummary) -> str:
    if not graph.dynamic_tensors:
        return "none"
    what = (
        "the lengths that the file sets at first" if graph.format == "tflite" else "a length of 1 where it comes first"
    )
    return f"{graph.dynamic_tensors} tensors; figures are for {what}{_how_to_set(graph)}"


def _how_to_set(graph: GraphSummary) -> str:
    if graph.format == "tflite" or all(-1 not in spec.shape for spec in graph.inputs):
        return ""
    return "; --shape NAME=1,... sets others"


def _bundle(content: BundleContent) -> Rows:
    manifest, origin = content.manifest, content.manifest.origin
    made = ", ".join(f"{library.name} {library.version}" for library in origin.libraries)
    return [
        ("bundle", f"{manifest.name}, {manifest.scheme}, for {origin.target} (recipe {origin.recipe})"),
        ("digest", content.digest),
        ("source", f"{origin.source_format}, sha256 {origin.source_sha256[:16]}"),
        ("licence", manifest.license or "not told (convert takes --license)"),
        ("model card", manifest.model_card or "none (convert takes --model-card)"),
        ("golden samples", f"from {manifest.golden_data} data, by {manifest.kernels} kernels"),
        ("made by", made),
        *quality_rows(content.evaluation),
    ]


def _rows(rows: Rows) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(Text(label), Text(text))
    return table


def _short(name: str) -> str:
    """The first of the names that a converter joins where it fuses operators, and no more of it than a line holds."""
    first = name.partition(";")[0]
    return first if len(first) <= NAME_CHARACTERS else "..." + first[3 - NAME_CHARACTERS :]


def _count(figure: Figure) -> str:
    return f"unknown: {figure.reason}" if figure.value is None else f"{figure.value:,.0f}"


def _share(figure: Figure) -> str:
    return f"unknown: {figure.reason}" if figure.value is None else f"{100 * figure.value:.1f} %"


def _bytes(size: float) -> str:
    unit = unit_for([Figure("measured", "byte", float(size), "length")])
    return f"{plain(size / unit.size)} {unit.name}"
