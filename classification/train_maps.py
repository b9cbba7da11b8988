"""Training of the MI classifier that reads lead maps."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from classification.options import TrainMaps


def main(config: TrainMaps) -> Path:
    """Train, or go on training; returns the folder of the best checkpoint."""
    import checkpoints
    from classification.diagnosis_task import BUDGET
    from classification.leadwise_network import LeadwiseResNet
    from classification.maps_task import MapsTask
    from classification.readings_task import ReadingsTask
    from classification.records import load_split
    from learning.checkpoint import CheckpointError, read_checkpoint
    from learning.training import train

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    initial, arguments = None, {}
    if config.architecture == "MapsNet":
        signals = config.signals or checkpoints.path("mi_signals_leadwise_2")
        initial = read_checkpoint(signals).network
        if not isinstance(initial, LeadwiseResNet):
            raise CheckpointError(f"{signals} is no LeadwiseResNet, which MapsNet begins with")
    else:
        arguments = {"backbone": config.backbone, "view": config.view}
    shared: dict[str, Any] = {
        "network_name": config.architecture,
        "network_arguments": arguments,
        "initial": initial,
        "loss": config.loss,
    }
    task: MapsTask | ReadingsTask
    if config.readings is not None:
        task = ReadingsTask(config.readings, config.least_quality, **shared)
    else:
        training, validation = (load_split(config.ptbxl, s) for s in ("train", "validation"))
        task = MapsTask(*training, *validation, **shared)
    return train(task, config.training_config(**BUDGET))
