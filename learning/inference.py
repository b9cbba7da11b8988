"""A trained network opened to be run: arrays in, an array out, whatever runs it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from learning.checkpoint import read_checkpoint
from learning.onnx import GRAPH_FILE, INT8_GRAPH_FILE, OnnxNetwork

if TYPE_CHECKING:
    from torch import nn

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "float32", "int8")
_EXACT_INT8 = {"avx512_vnni", "avx_vnni", "asimddp"}
_PROCESSOR = Path("/proc/cpuinfo")


class RunningNetwork(Protocol):
    """What both ways to run a network offer.

    Attributes:
        facts: the metadata of the checkpoint.
        multiple: what the sides of a picture must be multiples of; 1 where that is no matter.
    """

    facts: Mapping[str, Any]
    multiple: int

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        """The network's answer to its inputs, in the order of its ``forward``."""


class TorchNetwork:
    """A network run by torch: on CUDA, and where a checkpoint has no graph.

    Args:
        network: the network.
        facts: the metadata of its checkpoint.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(
        self, network: nn.Module, facts: Mapping[str, Any] | None = None, device: str = "cpu"
    ) -> None:
        self.facts: Mapping[str, Any] = facts or {}
        self.multiple = int(getattr(network, "multiple", 1))
        self._network = network.eval().to(device)
        self._device = device

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        """The network's answer to its inputs, in the order of its ``forward``."""
        import torch

        with torch.inference_mode():
            answer = self._network(*(torch.from_numpy(one).to(self._device) for one in inputs))
        found: NDArray[np.float32] = answer.float().cpu().numpy()
        return found


def open_network(folder: Path, device: str = "auto", precision: str = "float32") -> RunningNetwork:
    """Opens a checkpoint: by ONNX Runtime on a CPU, by torch on CUDA or without a graph.

    Args:
        folder: the checkpoint.
        device: ``auto`` (CUDA where there is any), ``cpu`` or ``cuda``.
        precision: ``float32``; ``int8`` on the CPU where ``learning.quantize`` made a graph; or
            ``auto``: ``int8`` where there is such a graph and the processor is made for it.

    Raises:
        CheckpointError: the checkpoint is missing or damaged, or has no graph of the precision.
        ValueError: there is no such device or precision, or not both together.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    if precision == "int8":
        if device == "cuda":
            raise ValueError("int8 networks run on the CPU; choose the device cpu or auto")
        return OnnxNetwork(folder, INT8_GRAPH_FILE)
    if device == "auto":
        device = "cuda" if _has_cuda() else "cpu"
    quick = precision == "auto" and device == "cpu" and (folder / INT8_GRAPH_FILE).is_file()
    if quick and _multiplies_bytes():
        return OnnxNetwork(folder, INT8_GRAPH_FILE)
    if device == "cpu" and (folder / GRAPH_FILE).is_file():
        return OnnxNetwork(folder)
    checkpoint = read_checkpoint(folder)
    return TorchNetwork(checkpoint.network, checkpoint.metadata, device)


def _multiplies_bytes() -> bool:
    """Whether the processor sums products of 8-bit integers in 32 bits.

    Older ones sum them in 16 bits, which may overflow. Where it cannot be told, it is not so.
    """
    try:
        told = _PROCESSOR.read_text()
    except OSError:
        return False
    return not _EXACT_INT8.isdisjoint(told.split())


def _has_cuda() -> bool:
    """Whether torch can use CUDA; torch, seconds to import, is asked only beside a driver."""
    try:
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()
