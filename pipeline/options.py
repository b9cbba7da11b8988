"""What the sub-commands of ``ecgphoto`` take, where no room below describes it itself.

``generate`` and ``train *-look`` are described by ``dataset_generation.options`` and
``segmentation.train``. All of these modules stay light, for ``ecgphoto --help`` imports them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

Layout = Literal["auto", "3x4", "3x4+1", "3x4+3", "6x2", "6x2+1", "12x1", "strip"]
BenchmarkName = Literal[
    "generation", "segmentation", "digitization", "mi", "reconstruction", "signals", "speed"
]


@dataclass(frozen=True)
class DigitizeOptions:
    """Read photos of paper ECGs into 12-lead recordings."""

    photos: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PHOTO [PHOTO ...]")
    ]
    """Files, folders or glob patterns: PNG, JPEG, TIFF, BMP, WebP, HEIC, PDF."""
    out: Path = Path("out")
    """Folder for index.csv and one folder a photo."""
    layout: Layout = "auto"
    """How the leads are printed; auto finds out."""
    speed: Literal["auto", "25", "50"] = "auto"
    """Paper speed in mm/s."""
    gain: Literal["auto", "5", "10", "20"] = "auto"
    """Gain in mm/mV."""
    max_megapixels: float = 120.0
    """Larger pictures are refused before they are decoded."""
    json: bool = False
    """Print one JSON document with all findings instead of lines of text."""
    quiet: bool = False
    """No progress bar."""

    def __post_init__(self) -> None:
        if not self.max_megapixels > 0:
            raise ValueError(f"--max-megapixels must be above 0, not {self.max_megapixels:g}")


@dataclass(frozen=True)
class DiagnoseOptions(DigitizeOptions):
    """Read photos of paper ECGs, tell how likely myocardial infarction is, write a report."""


@dataclass(frozen=True)
class TrainOptions:
    """Shared by everything that trains."""

    out: Path = Path("runs")
    """Folder of runs; this one goes to a sub-folder with the network's name."""
    data: Path | None = None
    """PTB-XL folder (see download_datasets.sh); without one the ECG simulator is the source."""
    max_steps: int = 20_000
    """Batches at most."""
    max_minutes: float | None = None
    """Minutes at most, counted across resumes."""
    batch_size: int = 32
    """Examples in a batch."""
    learning_rate: float = 1e-3
    """Highest learning rate."""
    seed: int = 0
    """Seed of weights, order and augmentation."""
    workers: int = 0
    """Processes that make examples."""
    threads: int | None = None
    """Threads of torch on the CPU."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    devices: int = 1
    """How many devices; more than one trains data-parallel."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Number format."""
    resume: bool = True
    """Go on from the state in the run's folder, where there is one (--no-resume starts anew)."""
    exclude: Path | None = None
    """File of PTB-XL record numbers that must not train (one a line)."""


@dataclass(frozen=True)
class TrainSignalsOptions(TrainOptions):
    """Train the MI classifier that reads signals."""


@dataclass(frozen=True)
class TrainMapsOptions(TrainOptions):
    """Train the MI classifier that reads lead maps."""

    readings: Path | None = None
    """Folder of pages really read (ecgphoto digitize), used beside maps drawn from truth."""


@dataclass(frozen=True)
class BenchmarkOptions:
    """Measure, and write results/NAME.csv."""

    name: Annotated[BenchmarkName, tyro.conf.Positional]
    """What to measure."""
    data: Path | None = None
    """PTB-XL folder."""
    real_photos: Path | None = None
    """Folder of real photos with their true signals (manifest.csv, truth.npz)."""
    out: Path = Path("results")
    """Folder of the CSV files."""
    cases: tuple[str, ...] = ()
    """Only these cases, for instance 3x4+1/photo; all by default."""
    limit: int | None = None
    """At most this many records a case."""
    seed: int = 0
    """Seed of the generated photos and of the bootstrap."""
    workers: int = 1
    """Processes."""
