"""Makes PyPI's torchvision importable beside a CPU-only torch.

PyPI's torchvision wheel is built against CUDA torch. Beside a CPU-only torch its compiled part
does not load and the import stops at ``operator torchvision::nms does not exist``. timm,
segmentation-models-pytorch, torchmetrics and, through it, Lightning stop with it. Declaring the
schemas of the two missing operators before a second try mends the import; calling those operators
still raises torchvision's own error. Where the wheels match nothing happens.

Import this module before torchvision, timm, segmentation_models_pytorch or lightning::

    import learning.torchvision_guard  # noqa: F401
"""

from __future__ import annotations

import importlib
import sys

import torch

_MISSING_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_libraries: list[torch.library.Library] = []  # a dropped library takes its operators with it


def import_torchvision() -> bool:
    """Imports torchvision, declaring the operators that its compiled part should have brought.

    Returns:
        True where the operators had to be declared by this or an earlier call.

    Raises:
        RuntimeError: torchvision failed for a reason other than a missing torchvision operator.
        ImportError: torchvision is not installed.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error) or _libraries:
            raise
        library = torch.library.Library("torchvision", "DEF")
        for schema in _MISSING_SCHEMAS:
            library.define(schema)
        _libraries.append(library)
        for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        importlib.import_module("torchvision")
    return bool(_libraries)


import_torchvision()
