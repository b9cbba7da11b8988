"""What the sub-commands of ``ecgphoto`` take, where no room below describes it itself.

``generate`` and ``train *-look`` are described by ``dataset_generation.options`` and
``segmentation.train``. All of these modules stay light, for ``ecgphoto --help`` imports them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ecg.paper import check_scale

Layout = Literal["auto", "3x4", "3x4+1", "3x4+3", "6x2", "6x2+1", "12x1", "strip"]
RecordFormat = Literal["csv", "wfdb", "npz", "dicom", "mask"]
DEFAULT_FORMATS: tuple[RecordFormat, ...] = ("csv", "wfdb")
BenchmarkName = Literal[
    "generation", "segmentation", "digitization", "mi", "reconstruction", "signals", "speed"
]


@dataclass(frozen=True)
class DigitizeOptions:
    """Read photos of paper ECGs into 12-lead recordings."""

    photos: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PHOTO [PHOTO ...]")
    ]
    """Files, folders or glob patterns: PNG, JPEG, TIFF, BMP, WebP, HEIC, PDF. diagnose also takes
    digital recordings by name: WFDB (.hea), CSV, NPZ, DICOM (.dcm)."""
    out: Path = Path("out")
    """Folder for index.csv and one folder a photo."""
    layout: Layout = "auto"
    """How the leads are printed; auto finds out. A strip without a legible name is taken for II."""
    speed: Literal["auto", "25", "50"] = "auto"
    """Paper speed in mm/s."""
    gain: Literal["auto", "5", "10", "20"] = "auto"
    """Gain in mm/mV."""
    mm_per_px: float | None = None
    """Scale of a flat picture in mm per pixel; its grid is then not needed and not looked for."""
    page: Path | None = None
    """JSON of what a person mended (corners, layout, leads, a mask) in the one photo given, or its
    result.json; see docs/CORRECTION.md."""
    formats: tuple[RecordFormat, ...] = DEFAULT_FORMATS
    """What the recording is written as; mask is a picture of the traces, to be mended."""
    precision: Literal["auto", "float32", "int8"] = "auto"
    """What the networks compute in; int8 is much quicker on processors made for it, and auto
    chooses it there; on older ones it is less exact, about a decibel."""
    jobs: int | None = None
    """Photos read at a time; by default as many as there are cores, at most 4."""
    max_megapixels: float = 120.0
    """Larger pictures are refused before they are decoded."""
    json: bool = False
    """Print one JSON document with all findings instead of lines of text."""
    quiet: bool = False
    """No progress bar."""

    def __post_init__(self) -> None:
        if not self.max_megapixels > 0:
            raise ValueError(f"--max-megapixels must be above 0, not {self.max_megapixels:g}")
        if self.jobs is not None and not 1 <= self.jobs <= 64:
            raise ValueError(f"--jobs must be from 1 to 64, not {self.jobs}")
        if self.mm_per_px is not None:
            check_scale(self.mm_per_px)


@dataclass(frozen=True)
class DiagnoseOptions(DigitizeOptions):
    """Read photos of paper ECGs, tell how likely myocardial infarction is, write a report."""

    complete: bool = False
    """Also fill what the page does not show, to twelve whole leads: completed.*, and a drawing in
    the report in which filled parts are marked, with how far they may err."""
    explain: bool = True
    """Tell in the report which leads and waves the probability rests on; a second or two each."""


@dataclass(frozen=True)
class BenchmarkOptions:
    """Measure, and write results/NAME.csv."""

    name: Annotated[BenchmarkName, tyro.conf.Positional]
    """What to measure."""
    data: Path | None = None
    """PTB-XL folder."""
    real_photos: Path | None = None
    """Folder of real photos with their true signals (manifest.csv, truth.npz)."""
    paper_images: Path | None = None
    """Folder of real pictures without true signals (manifest.csv)."""
    other_ecgs: Path | None = None
    """For mi: folder of recordings of other hospitals (index.csv and its packed files)."""
    looks: tuple[Path, ...] = ()
    """For generation's case realism: folders that hold page_look, layout_look and trace_look as
    ecgphoto train wrote them, each set trained on what its folder is named after."""
    models: tuple[Path, ...] = ()
    """For reconstruction: folders of further trained reconstructors to measure."""
    out: Path = Path("results")
    """Folder of the CSV files."""
    cases: tuple[str, ...] = ()
    """Only these cases, for instance 3x4+1/photo, 3x4+1/clean/100dpi or "6x2/*"; all by default."""
    count: int | None = None
    """How many records, pages or pictures a case takes."""
    seed: int = 0
    """Seed of the generated photos and of the bootstrap."""
    workers: int = 1
    """Processes."""
