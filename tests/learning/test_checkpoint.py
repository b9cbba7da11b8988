from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from learning.checkpoint import (
    CARD_FILE,
    CONFIG_FILE,
    WEIGHTS_FILE,
    CheckpointError,
    read_checkpoint,
    update_metadata,
    write_checkpoint,
)
from learning.registry import build_network, register_network


@register_network
class CheckpointProbe(nn.Module):
    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.layer = nn.Conv1d(1, channels, 3)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.norm(self.layer(x))
        return out


def _write(folder: Path, channels: int = 3) -> nn.Module:
    torch.manual_seed(0)
    network = build_network("CheckpointProbe", channels=channels)
    network.train()(torch.randn(8, 1, 20) * 300)  # large running variances
    metadata = {"description": "A probe.", "metrics": {"auroc": 0.9}}
    write_checkpoint(folder, network, "CheckpointProbe", {"channels": channels}, metadata)
    return network.eval()


def test_a_round_trip_answers_the_same(tmp_path: Path) -> None:
    network = _write(tmp_path / "probe")
    read = read_checkpoint(tmp_path / "probe")
    x = torch.randn(2, 1, 20)
    assert torch.allclose(network(x), read.network(x), atol=2e-3)
    assert all(p.dtype == torch.float32 for p in read.network.parameters())
    assert not read.network.training
    assert read.metadata["metrics"] == {"auroc": 0.9}


def test_parameters_are_halved_and_buffers_are_not(tmp_path: Path) -> None:
    network = _write(tmp_path / "probe")
    stored = load_file(tmp_path / "probe" / WEIGHTS_FILE)
    assert stored["layer.weight"].dtype == torch.float16
    assert stored["norm.running_var"].dtype == torch.float32
    assert torch.equal(stored["norm.running_var"], network.state_dict()["norm.running_var"])


def test_a_parameter_beyond_float16_stays_whole(tmp_path: Path) -> None:
    network = build_network("CheckpointProbe")
    with torch.no_grad():
        network.layer.weight.fill_(1e6)  # type: ignore[union-attr,operator]
    write_checkpoint(tmp_path / "probe", network, "CheckpointProbe", {})
    read = read_checkpoint(tmp_path / "probe").network
    assert float(read.layer.weight.detach().max()) == 1e6  # type: ignore[union-attr,operator]


def test_a_flipped_byte_is_found(tmp_path: Path) -> None:
    _write(tmp_path / "probe")
    file = tmp_path / "probe" / WEIGHTS_FILE
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(tmp_path / "probe")


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    _write(tmp_path / "probe")
    file = tmp_path / "probe" / CONFIG_FILE
    config = json.loads(file.read_text())
    config["arguments"]["channels"] = 4
    file.write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="do not fit"):
        read_checkpoint(tmp_path / "probe")


def test_a_new_checkpoint_replaces_the_old_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    _write(tmp_path / "probe", 3)
    _write(tmp_path / "probe", 5)
    assert read_checkpoint(tmp_path / "probe").network_arguments == {"channels": 5}
    assert [path.name for path in tmp_path.iterdir()] == ["probe"]


def test_a_folder_of_other_things_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(CheckpointError, match="another folder"):
        _write(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_new_facts_reach_the_config_and_the_card(tmp_path: Path) -> None:
    _write(tmp_path / "probe")
    update_metadata(tmp_path / "probe", licence="CC BY 4.0")
    assert read_checkpoint(tmp_path / "probe").metadata["licence"] == "CC BY 4.0"
    assert "CC BY 4.0" in (tmp_path / "probe" / CARD_FILE).read_text()


def test_an_empty_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint"):
        read_checkpoint(tmp_path)


def test_what_was_there_is_back_where_the_new_one_cannot_be_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "net"
    _write(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    rename = os.replace

    def stopped(source: Path, target: Path) -> None:
        if Path(source).name == "new":
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr("learning.checkpoint.os.replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        _write(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
