"""Training of the looks: one command for all of them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from learning.options import TrainingOptions

Look = Literal["page-look", "layout-look", "trace-look", "lead-names", "text-lines"]


@dataclass(frozen=True, kw_only=True)
class TrainLook(TrainingOptions):
    """What to train and for how long."""

    look: Annotated[Look, tyro.conf.Suppress]
    batch_size: int = 4
    """Examples in a batch."""
    validate_every_steps: int = 250
    """Steps between validations."""
    initial: Path | None = None
    """Checkpoint of the same look to begin with; afresh where None."""
    exclude: Path | None = None
    """Text file of PTB-XL record numbers to leave out."""
    records_100hz: int = 4000
    """Records taken at 100 Hz beside all that exist at 500 Hz."""
    pages: Literal["ptb_v", "ptbv_2022"] = "ptb_v"
    """What is drawn: all of PTB-V, or the pages and photos of its first version."""
    architecture: str = "unet"
    """unet or unetplusplus."""
    encoder: str = "resnet18"
    """Encoder of segmentation-models-pytorch."""
    encoder_depth: int = 4
    """Levels of the encoder, 3 to 5."""
    decoder_channels: tuple[int, ...] = (64, 32, 16, 16)
    """Widths of the decoder's levels, as many as the encoder has."""


def train_look(config: TrainLook) -> Path:
    """Train a look and return the folder of its best checkpoint.

    Raises:
        CheckpointError: what is to be begun with is no checkpoint of that look.
    """
    import segmentation.networks  # noqa: F401  (registers LookNetwork)
    from ecg.splits import reader_exclusions
    from learning.checkpoint import CheckpointError, read_checkpoint
    from learning.training import Task, train
    from segmentation.layout_look import LayoutLookTask
    from segmentation.lead_names import LeadNameTask
    from segmentation.page_look import PageLookTask
    from segmentation.pages import load_source
    from segmentation.text_lines import TextLineTask
    from segmentation.trace_look import TraceLookTask

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    exclude = reader_exclusions(config.exclude) if config.exclude else frozenset()
    folder = str(config.ptbxl)
    training = load_source(
        folder, "train", config.records_100hz, exclude, config.seed, config.pages
    )
    validation = load_source(folder, "validation", 48, exclude, config.seed, config.pages)
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
        "text-lines": TextLineTask,
    }
    task = tasks[config.look](training, validation, arguments)  # type: ignore[call-arg]
    if "training_data" not in task.metadata:
        task.metadata = {**task.metadata, **_facts(config)}
    if config.initial is not None:
        kept = read_checkpoint(config.initial)
        if kept.metadata.get("input") != task.metadata["input"]:
            raise CheckpointError(f"{config.initial} is no checkpoint of a {config.look}")
        task.initial = kept.network
    return train(task, config.training_config(ema_decay=0.998))


def _facts(config: TrainLook) -> dict[str, str]:
    """What the card says of the training data."""
    from ecg.ptbxl import TRAINED_ON_PTBXL

    left_out = " (records of which real test photos exist left out)" if config.exclude else ""
    data = (
        "PTB-V pages drawn on the fly from PTB-XL 1.0.3 records of folds 1-8"
        f"{left_out}; chosen on fold 9"
    )
    return {"training_data": data, **TRAINED_ON_PTBXL}
