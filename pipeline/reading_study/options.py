"""What ``ecgphoto reading-study`` takes. Nothing heavy is imported here: ``--help`` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

Question = Literal["mi", "normal", "sttc", "cd", "hyp"]


@dataclass(frozen=True, kw_only=True)
class MakeStudy:
    """Draw records, original and reconstructed, as anonymous pages in random order."""

    ptbxl: Path
    """PTB-XL folder (PhysioNet's own layout or packed shards)."""
    out: Path
    """Folder of the study; it must not exist, or be empty."""
    count: int = 40
    """Records, half of them positive, each of another patient; each makes two pages."""
    question: Question = "mi"
    """What readers are asked: infarction, or another of PTB-XL's superclasses."""
    leads: str = "I,II,V3"
    """Leads that the reconstruction is given; the others are filled."""
    model: str = "completion"
    """What fills them: a shipped checkpoint's name, or the folder of one."""
    fold: int = 10
    """PTB-XL's fold; nothing that ships was trained on 10."""
    seed: int = 0
    """Seed of the choice and of the order."""

    def __post_init__(self) -> None:
        if self.count < 4 or self.count % 2:
            raise ValueError(f"--count must be even and at least 4, not {self.count}")
        if not 1 <= self.fold <= 10:
            raise ValueError(f"--fold must be from 1 to 10, not {self.fold}")
        if self.seed < 0:
            raise ValueError("--seed must be 0 or more")


@dataclass(frozen=True)
class ScoreStudy:
    """Score the answers of readers: accuracy, sensitivity, specificity, agreement."""

    study: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """Folder of the study, with its key."""
    answers: Annotated[
        tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="ANSWERS.csv [...]")
    ]
    """Filled answer tables, one a reader; answers_NAME.csv names the reader."""
    json: bool = False
    """Print one JSON document instead of tables."""


@dataclass(frozen=True)
class ReadingStudyOptions:
    """Have people read original and reconstructed ECGs without knowing which is which."""

    action: (
        Annotated[MakeStudy, tyro.conf.subcommand("make")]
        | Annotated[ScoreStudy, tyro.conf.subcommand("score")]
    )
