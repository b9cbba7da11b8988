"""Training of the looks: one command for all of them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

Look = Literal["page-look", "layout-look", "trace-look", "lead-names"]


@dataclass(frozen=True)
class TrainLook:
    """What to train and for how long."""

    look: Annotated[Look, tyro.conf.Suppress]
    ptbxl: Path
    """Folder of PTB-XL (PhysioNet's own layout or packed shards)."""
    out: Path
    """Run folder; training goes on from the state in it."""
    minutes: float = 60.0
    """Time budget, counted across resumes."""
    max_steps: int = 100_000
    exclude: Path | None = None
    """Text file of PTB-XL record numbers to leave out."""
    records_100hz: int = 4000
    """Records taken at 100 Hz beside all that exist at 500 Hz."""
    architecture: str = "unet"
    encoder: str = "resnet18"
    encoder_depth: int = 4
    decoder_channels: tuple[int, ...] = (64, 32, 16, 16)
    learning_rate: float = 2e-3
    batch_size: int = 4
    threads: int = 2
    workers: int = 0
    validate_every_steps: int = 250
    device: str = "auto"
    seed: int = 0


def train_look(config: TrainLook) -> Path:
    """Train a look and return the folder of its best checkpoint."""
    import segmentation.networks  # noqa: F401  (registers LookNetwork)
    from ecg.splits import reader_exclusions
    from learning.training import Task, TrainingConfig, train
    from segmentation.layout_look import LayoutLookTask
    from segmentation.lead_names import LeadNameTask
    from segmentation.page_look import PageLookTask
    from segmentation.pages import load_source
    from segmentation.trace_look import TraceLookTask

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    exclude = reader_exclusions(config.exclude) if config.exclude else frozenset()
    folder = str(config.ptbxl)
    training = load_source(folder, "train", config.records_100hz, exclude, config.seed)
    validation = load_source(folder, "validation", 48, exclude, config.seed)
    arguments = {
        "architecture": config.architecture,
        "encoder": config.encoder,
        "encoder_depth": config.encoder_depth,
        "decoder_channels": list(config.decoder_channels),
    }
    tasks: dict[str, type[Task]] = {
        "page-look": PageLookTask,
        "layout-look": LayoutLookTask,
        "trace-look": TraceLookTask,
        "lead-names": LeadNameTask,
    }
    task = tasks[config.look](training, validation, arguments)  # type: ignore[call-arg]
    return train(
        task,
        TrainingConfig(
            out=config.out,
            max_steps=config.max_steps,
            max_minutes=config.minutes,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            ema_decay=0.998,
            threads=config.threads,
            workers=config.workers,
            validate_every_steps=config.validate_every_steps,
            device=config.device,
            seed=config.seed,
        ),
    )
