"""A live PyTorch model: run, export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgekit_converters.parting import Activation
from edgekit_converters.source import AxisOrder, SourceInfo
from edgekit_converters.torch.activations import operator_activations
from edgekit_converters.torch.border import Border, Forward, NoTensorError, example
from edgekit_converters.torch.channels_last import ChannelsLast
from edgekit_converters.torch.collector import without_collector
from edgekit_converters.torch.folding import folded_norms
from edgekit_converters.torch.layout import CHANNELS_LAST, LayoutWatch
from edgekit_converters.torch.refusal import cannot_run
from edgekit_runtime.errors import ModelError
from edgekit_runtime.manifest import Library
from edgekit_runtime.tensor import TensorSpec


class TorchModel:
    """A loaded source model; it runs one sample at a time, as the exported file does.

    A module may mix the samples of a batch without telling, and on a processor a batch is hardly faster.

    Args:
        forward: The module, and how it is called.
        source: Where it came from, for errors.

    Raises:
        ModelError: It does not run on inputs of these shapes and types, or what it gives is no tensor of numbers.
    """

    def __init__(self, forward: Forward, source: str) -> None:
        self._forward = forward
        self._source = source
        outputs = self._try()
        self.info = SourceInfo(
            inputs=forward.inputs,
            outputs=outputs,
            parameters=sum(parameter.numel() for parameter in forward.module.parameters()),
            libraries=(Library("torch", torch.__version__),),
        )

    def predict(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name for several samples, each `(N, ...)`.

        Raises:
            ModelError: It cannot run them.
        """
        count = len(next(iter(inputs.values())))
        rows = [self._row({name: values[i] for name, values in inputs.items()}) for i in range(count)]
        return {spec.name: np.stack([row[spec.name] for row in rows]) for spec in self.info.outputs}

    def export(self, path: Path, model_format: str) -> tuple[AxisOrder, ...]:
        """Write it as a float32 file with a static batch of 1, under its own input and output names.

        Args:
            path: Where to write.
            model_format: `tflite` or `onnx`.

        Returns:
            The images among inputs and outputs, which lie channels last in a `.tflite` file.

        Raises:
            MissingExtraError: The exporter is not installed.
            ConversionError: It refuses.
        """
        with torch.no_grad(), without_collector():
            if model_format == "onnx":
                from edgekit_converters.torch.to_onnx import export_onnx

                export_onnx(Border(self._forward, self.info.outputs), self.info, self._source, path)
                return ()
            from edgekit_converters.torch.to_tflite import export_tflite

            with folded_norms(self._forward.module, self._run_example):
                border = Border(self._forward, self.info.outputs, self._orders, ChannelsLast)
                export_tflite(border, self._source, path)
            return self._orders

    def activations(self, sample: Mapping[str, np.ndarray]) -> tuple[Activation, ...]:
        """What each operator gives for one sample."""
        values = self._values(sample)
        return operator_activations(self._forward.module, lambda: self._forward.run(values))

    def _run_example(self) -> Iterable[Any]:
        return self._forward.run([example(spec) for spec in self._forward.inputs]).values()

    def _try(self) -> tuple[TensorSpec, ...]:
        """Run it once on an example, to see what it gives and which of its borders are images."""
        values = {spec.name: example(spec) for spec in self._forward.inputs}
        watch = LayoutWatch(values)
        try:
            with torch.no_grad(), watch:
                outputs = self._forward.run(list(values.values()))
        except NoTensorError as error:
            raise ModelError(f"{self._source}: {error}") from error
        except Exception as error:  # a forward may raise anything
            raise cannot_run(self._source, self._forward, error) from error
        if not outputs:
            raise ModelError(f"{self._source}: its forward returns nothing; allowed: at least one tensor.")
        names = [*watch.image_inputs, *(name for name, tensor in outputs.items() if watch.is_image(tensor))]
        self._orders = tuple(AxisOrder(name, CHANNELS_LAST) for name in names)
        return tuple(self._output_spec(name, tensor) for name, tensor in outputs.items())

    def _output_spec(self, name: str, tensor: Any) -> TensorSpec:
        dtype = str(tensor.dtype).removeprefix("torch.")
        if not hasattr(np, dtype) or np.dtype(dtype).kind not in "fiub":
            raise ModelError(
                f"{self._source}: output {name} is {dtype}; allowed: real numbers of a type that numpy has."
            )
        shape = tuple(tensor.shape)
        return TensorSpec(name, (-1, *shape[1:]) if shape[:1] == (1,) else shape, dtype)

    def _row(self, sample: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        values = self._values(sample)
        try:
            with torch.inference_mode():
                outputs = self._forward.run(values)
        except Exception as error:  # a forward may raise anything
            raise cannot_run(self._source, self._forward, error) from error
        batched = {spec.name: spec.batched for spec in self.info.outputs}
        return {name: (value[0] if batched[name] else value).numpy() for name, value in outputs.items()}

    def _values(self, sample: Mapping[str, np.ndarray]) -> list[Any]:
        values = []
        for spec in self._forward.inputs:
            value = torch.from_numpy(np.ascontiguousarray(sample[spec.name], spec.dtype))
            values.append(value[None] if spec.batched else value)
        return values
