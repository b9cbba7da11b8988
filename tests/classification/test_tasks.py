"""Both MI routes train through the one training entry and give a checkpoint that loads."""

import numpy as np
import pytest
import torch

from classification.maps_network import MapsNet
from classification.maps_task import MapsTask, maps_logits
from classification.signal_network import SignalResNet
from classification.signal_task import SignalTask, signal_logits
from classification.superclass_task import BUDGET, CLASSES
from dataset_generation.printed_windows import PrintedWindows
from ecg.simulator import simulate
from learning.checkpoint import read_checkpoint
from learning.options import TrainingOptions
from learning.training import train


@pytest.fixture(scope="module")
def records():
    rng = np.random.default_rng(0)
    signals = np.stack([simulate(rng).signal_mv[:, ::5][:, :1000] for _ in range(8)])
    targets = np.zeros((8, len(CLASSES)), np.float32)
    targets[::2, 0] = targets[1::2, 1] = targets[::3, 2] = targets[::4, 3] = targets[::5, 4] = 1
    return (signals * 1000).astype(np.int16), targets


def _options(folder):
    return TrainingOptions(
        ptbxl=folder, out=folder / "run", max_steps=2, batch_size=4, validate_every_steps=2
    )


def test_signal_route_trains(records, tmp_path):
    folder = train(SignalTask(*records, *records), _options(tmp_path).training_config(**BUDGET))
    checkpoint = read_checkpoint(folder)
    logits = signal_logits(checkpoint.network, records[0])
    assert logits.shape == (8, len(CLASSES))
    assert np.isfinite(logits).all()
    assert checkpoint.metadata["classes"] == list(CLASSES)
    assert checkpoint.metadata["rate_hz"] == 100


def test_maps_route_begins_with_the_signal_networks_weights_and_trains(records, tmp_path):
    initial = SignalResNet(n_outputs=len(CLASSES))
    task = MapsTask(*records, *records, initial=initial)
    fresh = MapsNet(**task.network_arguments)
    task.prepare(fresh)
    head = [name for name in initial.state_dict() if name != "stem.0.weight"][-1]
    torch.testing.assert_close(fresh.along_time.state_dict()[head], initial.state_dict()[head])
    folder = train(task, _options(tmp_path).training_config(**BUDGET))
    logits = maps_logits(read_checkpoint(folder).network, records[0], PrintedWindows("3x4"))
    assert logits.shape == (8, len(CLASSES))
    assert np.isfinite(logits).all()
