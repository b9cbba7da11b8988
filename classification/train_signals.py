"""Training of the MI classifier that reads signals."""

from __future__ import annotations

import logging
from pathlib import Path

from classification.options import TrainSignals


def main(config: TrainSignals) -> Path:
    """Train, or go on training; returns the folder of the best checkpoint."""
    from classification.records import load_split
    from classification.signal_task import SignalTask
    from classification.superclass_task import BUDGET
    from learning.training import train

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    task = SignalTask(
        *load_split(config.ptbxl, "train"),
        *load_split(config.ptbxl, "validation"),
        network_name=config.architecture,
    )
    return train(task, config.training_config(**BUDGET))
