"""``ecgphoto train`` of a look: a step, a checkpoint whose card says what it is, trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import checkpoints
import segmentation.pages
import segmentation.trace_look
from ecg.simulator import simulate
from learning.checkpoint import CheckpointError, read_checkpoint
from segmentation.pages import ArraySource
from segmentation.train import TrainLook, train_look


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two simulated records in the place of PTB-XL's, and two strips to choose on."""
    rng = np.random.default_rng(0)
    signals = np.stack([simulate(rng, rate_hz=500).signal_mv for _ in range(2)])
    source = ArraySource((signals * 1000).astype(np.int16))
    monkeypatch.setattr(segmentation.pages, "load_source", lambda *_, **__: source)
    monkeypatch.setattr(segmentation.trace_look, "_VALIDATION_STRIPS", 2)


def _trained(out: Path, rate: float, initial: Path | None = None) -> Path:
    return train_look(
        TrainLook(
            look="trace-look",
            ptbxl=Path("absent"),
            out=out,
            max_steps=1,
            batch_size=1,
            threads=1,
            learning_rate=rate,
            initial=initial,
            decoder_channels=(8, 8, 8, 8),
        )
    )


def test_a_look_is_trained_and_trained_on(records, tmp_path):
    first = read_checkpoint(_trained(tmp_path / "first", 1e-3))
    facts = first.metadata
    assert facts["steps"] == 1
    assert "PTB-XL 1.0.3 records of folds 1-8; chosen on fold 9" in facts["training_data"]
    assert "CC BY 4.0" in facts["licence"]
    assert np.isfinite(facts["metrics"]["snr_db"])

    folder = tmp_path / "first" / "checkpoint"
    second = read_checkpoint(_trained(tmp_path / "second", 1e-9, initial=folder)).network
    afresh = read_checkpoint(_trained(tmp_path / "afresh", 1e-9)).network
    for name, weights in first.network.named_parameters():
        np.testing.assert_allclose(
            second.get_parameter(name).detach(), weights.detach(), atol=1e-6, err_msg=name
        )
    head = next(name for name, _ in afresh.named_parameters())
    assert not np.allclose(
        afresh.get_parameter(head).detach(), first.network.get_parameter(head).detach(), atol=1e-6
    )


def test_a_look_does_not_begin_as_another(records, tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint of a trace-look"):
        _trained(tmp_path / "run", 1e-3, initial=checkpoints.path("page_look"))
