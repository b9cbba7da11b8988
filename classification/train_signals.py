"""Training of the MI classifier that reads signals."""

from __future__ import annotations

import logging
from pathlib import Path

from classification.options import TrainSignals


def main(config: TrainSignals) -> Path:
    """Train, or go on training; returns the folder of the best checkpoint."""
    from classification.diagnosis_task import BUDGET
    from classification.records import load_split
    from classification.signal_task import SignalTask
    from learning.checkpoint import read_checkpoint
    from learning.training import train

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    task = SignalTask(
        *load_split(config.ptbxl, "train"),
        *load_split(config.ptbxl, "validation"),
        network_name=config.architecture,
        initial=None if config.initial is None else read_checkpoint(config.initial).network,
    )
    return train(task, config.training_config(**BUDGET))
