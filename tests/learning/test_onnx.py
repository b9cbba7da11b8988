"""Graphs answer as their networks do, whatever the size, and hold no weights of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from learning.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from learning.inference import TorchNetwork, open_network
from learning.onnx import GRAPH_FILE, GraphInput, OnnxNetwork, export_graph
from learning.registry import register_network


@register_network
class GraphProbe(nn.Module):
    """Convolution, batch norm, an enlargement to a computed size, a second input."""

    multiple = 2

    def __init__(self, channels: int = 8, frozen_size: bool = False) -> None:
        super().__init__()
        self.graph_inputs = {
            "picture": GraphInput((1, 3, 8, 8), (0, 2, 3)),
            "shift": GraphInput((1, channels)),
        }
        self.frozen_size = frozen_size
        self.layer = nn.Conv2d(3, channels, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, picture: Tensor, shift: Tensor) -> Tensor:
        small = self.norm(self.layer(picture)) + shift[..., None, None]
        size = (8, 8) if self.frozen_size else picture.shape[2:]
        return nn.functional.interpolate(small, size=size, mode="nearest")


def _written(folder: Path, **arguments: object) -> Path:
    torch.manual_seed(0)
    network = GraphProbe(**arguments)  # type: ignore[arg-type]
    for value in network.norm.state_dict().values():
        if value.is_floating_point():
            value.uniform_(0.5, 2)
    return write_checkpoint(folder, network, "GraphProbe", arguments, {"rate_hz": 100})


def test_graph_answers_as_the_network_does_at_any_size(tmp_path: Path) -> None:
    folder = _written(tmp_path / "probe")
    export_graph(folder)
    checkpoint = read_checkpoint(folder)
    graph, network = open_network(folder, "cpu"), TorchNetwork(checkpoint.network)
    assert isinstance(graph, OnnxNetwork)
    assert graph.facts == {"rate_hz": 100}
    assert graph.multiple == network.multiple == 2
    rng = np.random.default_rng(0)
    for size in ((3, 3, 6, 30), (1, 3, 40, 4), (1, 3, 40, 4)):
        picture = rng.normal(size=size).astype(np.float32)
        shift = rng.normal(size=(size[0], 8)).astype(np.float32)
        expected = network(picture, shift)
        assert expected.shape == (size[0], 8, *size[2:])
        np.testing.assert_allclose(graph(picture, shift), expected, atol=1e-5)


def test_graph_takes_its_weights_from_the_one_file_of_weights(tmp_path: Path) -> None:
    import onnx

    folder = _written(tmp_path / "probe", channels=64)
    model = onnx.load(export_graph(folder), load_external_data=False)
    inside = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    assert inside < 0.1 * (folder / "model.safetensors").stat().st_size
    onnx.checker.check_model(str(folder / GRAPH_FILE))


def test_graph_of_other_weights_is_refused(tmp_path: Path) -> None:
    folder = _written(tmp_path / "probe")
    graph = export_graph(folder).read_bytes()
    write_checkpoint(folder, GraphProbe(), "GraphProbe", {})
    (folder / GRAPH_FILE).write_bytes(graph)
    with pytest.raises(CheckpointError, match="other weights"):
        open_network(folder, "cpu")


def test_graph_that_answers_otherwise_is_not_kept(tmp_path: Path) -> None:
    folder = _written(tmp_path / "probe", frozen_size=True)
    graph = GraphInput((1, 3, 8, 8), (0, 2, 3))
    assert graph.example(np.random.default_rng(0), 2).shape == (2, 3, 16, 16)
    network = read_checkpoint(folder).network
    assert network(torch.zeros(1, 3, 16, 16), torch.zeros(1, 8)).shape[2:] == (8, 8)
    with pytest.raises(CheckpointError, match="answers"):
        export_graph(folder)
    assert not (folder / GRAPH_FILE).exists()


def test_checkpoint_without_a_graph_is_run_by_torch(tmp_path: Path) -> None:
    assert isinstance(open_network(_written(tmp_path / "probe"), "cpu"), TorchNetwork)


def test_an_unknown_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="auto, cpu, cuda"):
        open_network(_written(tmp_path / "probe"), "gpu")


def test_running_a_graph_imports_no_torch(tmp_path: Path) -> None:
    folder = _written(tmp_path / "probe")
    export_graph(folder)
    code = (
        "import sys; from pathlib import Path; from learning.inference import open_network; "
        f"open_network(Path({str(folder)!r}), 'cpu'); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
