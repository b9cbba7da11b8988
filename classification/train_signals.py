"""Training of the MI classifier that reads signals."""

from __future__ import annotations

import logging
from pathlib import Path

from classification.options import TrainClassifier, TrainSignals

FACTS = {
    "training_data": "PTB-XL 1.0.3, folds 1-8; chosen on fold 9",
    "licence": "Apache-2.0; trained on PTB-XL, CC BY 4.0",
    "citation": "Wagner et al., Sci Data 7, 154 (2020), doi 10.1038/s41597-020-0495-6; "
    "PhysioNet doi 10.13026/kfzx-aw45",
}


def main(config: TrainSignals) -> Path:
    """Train, or go on training; returns the folder of the best checkpoint."""
    from classification.records import load_split
    from classification.signal_task import SignalTask
    from learning.training import train

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    task = SignalTask(
        *load_split(config.ptbxl, "train"),
        *load_split(config.ptbxl, "validation"),
        metadata=FACTS,
    )
    return train(task, training_config(config))


def training_config(config: TrainClassifier):  # type: ignore[no-untyped-def]
    """The budget of ``learning.training`` for a classifier."""
    from learning.training import TrainingConfig

    return TrainingConfig(
        out=config.out,
        max_steps=config.max_steps,
        max_minutes=config.minutes,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        weight_decay=0.02,
        warmup_steps=200,
        ema_decay=0.998,
        threads=config.threads,
        workers=config.workers,
        validate_every_steps=config.validate_every_steps,
        device=config.device,
        seed=config.seed,
    )
