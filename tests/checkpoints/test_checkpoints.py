from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import checkpoints
from learning.checkpoint import write_checkpoint
from learning.registry import register_network

SHIPPED = checkpoints.FOLDER


@register_network
class ShippedProbe(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "package"
    package.mkdir()
    monkeypatch.setattr(checkpoints, "FOLDER", package)
    return write_checkpoint(tmp_path / "run", ShippedProbe(), "ShippedProbe", {}, {"rate_hz": 100})


def test_what_is_installed_is_available_and_loads(trained: Path) -> None:
    assert checkpoints.available() == ()
    folder = checkpoints.install(trained, "probe")
    assert checkpoints.available() == ("probe",)
    assert isinstance(checkpoints.load("probe"), ShippedProbe)
    assert checkpoints.metadata("probe") == {"rate_hz": 100}
    assert (folder / "README.md").read_text().startswith("# probe\n")


def test_a_changed_file_is_refused(trained: Path) -> None:
    folder = checkpoints.install(trained, "probe")
    config = folder / "config.json"
    config.write_text(config.read_text().replace("100", "500"))
    with pytest.raises(checkpoints.CheckpointError, match="not the file that shipped"):
        checkpoints.load("probe")


def test_an_unknown_name_is_told_what_there_is(trained: Path) -> None:
    checkpoints.install(trained, "probe")
    with pytest.raises(checkpoints.CheckpointError, match="probe"):
        checkpoints.load("prob")


def test_what_is_too_large_does_not_ship(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MAX_NETWORK_BYTES", 10)
    with pytest.raises(checkpoints.CheckpointError, match="bytes"):
        checkpoints.install(trained, "probe")
    assert checkpoints.available() == ()


def test_facts_without_a_network_ship_too(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "calibration.json").write_text(json.dumps({"bias": 1}))
    checkpoints.install_facts(tmp_path / "facts", "combination")
    assert json.loads((checkpoints.path("combination") / "calibration.json").read_text())


def test_all_that_ships_is_whole_and_small() -> None:
    sizes = [
        sum(file.stat().st_size for file in checkpoints.path(name).iterdir())
        for name in checkpoints.available()
    ]
    assert max(sizes, default=0) <= checkpoints.MAX_NETWORK_BYTES
    assert sum(sizes) <= checkpoints.MAX_TOTAL_BYTES
    assert {p.parent.name for p in SHIPPED.glob("*/*.safetensors")} <= set(checkpoints.available())


def test_weights_survive_shipping(trained: Path) -> None:
    checkpoints.install(trained, "probe")
    network = checkpoints.load("probe")
    assert all(torch.isfinite(p).all() for p in network.parameters())
