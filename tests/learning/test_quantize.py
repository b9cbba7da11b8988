"""8-bit graphs answer nearly as their networks do, and hold no weights of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from learning import inference
from learning.checkpoint import CheckpointError, write_checkpoint
from learning.inference import open_network
from learning.onnx import GraphInput, export_graph
from learning.quantize import quantize_graph
from learning.registry import register_network

WIDTH = 64


@register_network
class QuantizeProbe(nn.Module):
    """Two normed convolutions, one without a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.graph_inputs = {"picture": GraphInput((1, 3, 16, 16), (0, 2, 3))}
        self.layers = nn.Sequential(
            nn.Conv2d(3, WIDTH, 3, padding=1, bias=False),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
            nn.Conv2d(WIDTH, 2, 3, padding=1),
        )

    def forward(self, picture: Tensor) -> Tensor:
        answer: Tensor = self.layers(picture)
        return answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = QuantizeProbe()
    for name, value in network.state_dict().items():
        if "running_mean" in name:
            value.uniform_(-0.2, 0.2)
        if "running_var" in name:
            value.uniform_(0.05, 0.2)
    return write_checkpoint(tmp_path / "probe", network, "QuantizeProbe", {})


def _pictures(count: int) -> list[tuple[np.ndarray]]:
    rng = np.random.default_rng(0)
    return [(rng.random((1, 3, 24, 32)).astype(np.float32),) for _ in range(count)]


def test_answers_are_near_those_of_the_network_and_not_the_same(folder: Path) -> None:
    export_graph(folder)
    path = quantize_graph(folder, _pictures(4))
    exact, quick = open_network(folder, "cpu"), open_network(folder, "cpu", "int8")
    (picture,) = _pictures(5)[-1]
    error = np.abs(quick(picture) - exact(picture)).mean() / exact(picture).std()
    # Processors that sum products of bytes in 16 bits overflow now and then.
    assert 1e-6 < error < (0.05 if inference._multiplies_bytes() else 0.25)
    assert path.stat().st_size < 0.5 * (folder / "model.safetensors").stat().st_size


@pytest.mark.parametrize(
    ("flags", "quick"), [("fpu avx2 avx512_vnni", True), ("fpu avx2 avx512f", False), (None, False)]
)
def test_8_bits_where_the_processor_is_made_for_them(
    folder: Path, flags: str | None, quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor = folder / "cpuinfo"
    if flags:
        processor.write_text(f"flags : {flags}\n")
    monkeypatch.setattr("learning.inference._PROCESSOR", processor)
    export_graph(folder)
    (picture,) = _pictures(1)[0]
    exact = open_network(folder, "cpu", "auto")(picture)
    np.testing.assert_array_equal(exact, open_network(folder, "cpu", "float32")(picture))
    quantize_graph(folder, _pictures(2))
    other = open_network(folder, "cpu", "int8" if quick else "float32")(picture)
    np.testing.assert_array_equal(open_network(folder, "cpu", "auto")(picture), other)


def test_there_is_no_8_bit_graph_of_other_weights(folder: Path) -> None:
    export_graph(folder)
    graph = quantize_graph(folder, _pictures(2))
    content = graph.read_bytes()
    write_checkpoint(folder, QuantizeProbe(), "QuantizeProbe", {})
    graph.write_bytes(content)
    with pytest.raises(CheckpointError, match="other weights"):
        open_network(folder, "cpu", "int8")


def test_what_is_missing_is_said(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="export_graph"):
        quantize_graph(folder, _pictures(1))
    with pytest.raises(CheckpointError, match="quantize_graph"):
        open_network(folder, "cpu", "int8")
    with pytest.raises(ValueError, match="CPU"):
        open_network(folder, "cuda", "int8")
    with pytest.raises(ValueError, match="auto, float32, int8"):
        open_network(folder, "cpu", "int4")
