"""Training of the MI classifier that reads lead maps."""

from __future__ import annotations

import logging
from pathlib import Path

from classification.options import TrainMaps


def main(config: TrainMaps) -> Path:
    """Train, or go on training; returns the folder of the best checkpoint."""
    import checkpoints
    from classification.maps_task import MapsTask
    from classification.records import load_split
    from classification.signal_network import SignalResNet
    from classification.superclass_task import BUDGET
    from learning.checkpoint import read_checkpoint
    from learning.training import train

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folder = config.signals or checkpoints.path("mi_signals")
    initial = read_checkpoint(folder).network
    assert isinstance(initial, SignalResNet)
    task = MapsTask(
        *load_split(config.ptbxl, "train"),
        *load_split(config.ptbxl, "validation"),
        initial=initial,
    )
    return train(task, config.training_config(**BUDGET))
