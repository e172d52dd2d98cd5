"""A network of the tests whole, with half of its MACs, and as small in widths of any number; float32 and int8.

make_pruned.py ANSWER.json REPOSITORY NAME FOLDER
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, sys.argv[2])
from edgekit_converters.compress.prune import prune_model
from edgekit_converters.compress.settings import L2, PruneSettings
from edgekit_converters.quantize.session import quantize
from edgekit_converters.settings import DataSettings, NamedShape, QuantizeSettings, SourceSettings
from edgekit_converters.torch.compressible import CompressibleModel
from edgekit_converters.torch.inputs import find_forward
from tests import torch_models  # behind the path that it is on

SHARE, ALIGNMENT, SAMPLES = 0.5, 8, 16
NETWORKS = {
    "residual": (torch_models.ResidualCnn, (1, 3, 64, 64)),
    "resnet20": (torch_models.ResNet20, (1, 3, 32, 32)),
    "mobilenet": (torch_models.MobileNetV2, (1, 3, 224, 224)),
}


def make(folder: Path, name: str, settings: PruneSettings | None, data: DataSettings) -> float:
    """Write both files of one network; the share of its MACs that is left."""
    kind, shape = NETWORKS[sys.argv[3]]
    module = torch_models.seeded(kind, (torch_models.Input("image", shape),))
    source = SourceSettings(name, "torch-code", shapes=(NamedShape("", shape),))
    model = CompressibleModel(find_forward(module, source), name)
    left = 1.0 if settings is None else 1 - prune_model(model, settings, lambda _: None).share
    file = folder / f"{name}-float32.tflite"
    info = replace(model.info, orders=model.export(file, "tflite"))
    scheme = QuantizeSettings("int8", "int8", "int8")
    quantize(file, folder / f"{name}-int8.tflite", info, scheme, data, progress=lambda *_: None)
    return left


def main() -> None:
    """Write the six files."""
    folder = Path(sys.argv[4])
    shape = (SAMPLES, *NETWORKS[sys.argv[3]][1][1:])
    np.savez(folder / "data.npz", x=np.random.default_rng(0).normal(size=shape).astype(np.float32))
    data = DataSettings(str(folder / "data.npz"), None, 0)
    make(folder, "whole", None, data)
    aligned = make(folder, "aligned", PruneSettings(share=SHARE, importance=L2, alignment=ALIGNMENT), data)
    unaligned = make(folder, "unaligned", PruneSettings(share=1 - aligned, importance=L2), data)
    Path(sys.argv[1]).write_text(json.dumps({"aligned": aligned, "unaligned": unaligned}), encoding="utf-8")


main()
