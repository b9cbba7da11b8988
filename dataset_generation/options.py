"""What ``ecgphoto generate`` takes. Nothing heavy is imported here: ``--help`` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

LayoutName = Literal["3x4", "3x4+1", "3x4+3", "6x2", "6x2+1", "12x1", "strip"]
ImageFormat = Literal["auto", "jpg", "png"]


@dataclass(frozen=True)
class GenerateOptions:
    """Make PTB-V: photos of printed ECGs with exact truth."""

    out: str = "out/ptb-v"
    """Folder or fsspec URL of the data set; a stopped run goes on where it was."""
    data_format: Annotated[Literal["shards", "folder"], tyro.conf.arg(name="format")] = "shards"
    """shards: WebDataset tars; folder: one file each. ecgphoto export makes others of either."""
    data: Path | None = None
    """PTB-XL (see download_datasets.sh) or any folder of WFDB records; the ECG simulator
    without."""
    records: int = 100
    """How many records to print, drawn by the seed; 0 takes all."""
    pages_per_record: int = 1
    """Photos of each record."""
    split: Literal["train", "validation", "test", "all"] = "train"
    """PTB-XL folds 1-8, 9, 10, or all."""
    folds: tuple[int, ...] = ()
    """These PTB-XL folds, in place of --split."""
    labels: tuple[str, ...] = ()
    """Only records with one of these: mi, normal, other, a superclass (STTC) or a code (IMI)."""
    exclude: Path | None = None
    """File of PTB-XL record numbers to leave out (one a line)."""
    balance: bool = False
    """As many records of MI, normal and other, of as many patients as there are."""
    pages: str = "papers"
    """How pages look: papers, ptb-v (the first PTB-V's), ecg-image-kit, or a TOML file."""
    layouts: tuple[LayoutName, ...] = ()
    """Page layouts, in equal shares; by default as often as the page preset has them."""
    strengths: tuple[str, ...] = ("scan=0.2", "photo=0.5", "hard_photo=0.3")
    """Photo presets, each alone or with =SHARE: clean, scan, photo, hard_photo, screen,
    photocopy, fax, ptbv_2022, or a TOML file."""
    megapixels: float = 3.0
    """Size of photos; phones take 12. Clean pages and scans have 200 dpi."""
    pixels_per_mm: float | None = None
    """Scale of all pictures, in place of --megapixels and 200 dpi."""
    image_format: ImageFormat = "auto"
    """auto: JPEG, but PNG for clean pages."""
    masks: bool = True
    """Masks of the four classes and of the leads; --no-masks leaves them out."""
    seed: int = 0
    """Seed of the data set; a photo depends on seed, record and page alone."""
    samples_per_part: int = 0
    """Photos in a shard; 0 for 64, fewer where the set is small."""
    shard: str = "1/1"
    """i/n: make only the i-th of every n parts, so that n machines share the work."""
    workers: int = 1
    """Processes; the bytes written do not depend on it."""
    cluster: str | None = None
    """Address of a Ray cluster, or local, to make the parts there; --out must be reachable."""
    quiet: bool = False
    """No progress bar."""

    def __post_init__(self) -> None:
        self.strength_shares()
        self.share()
        for name, value, least in (
            ("records", self.records, 0),
            ("pages-per-record", self.pages_per_record, 1),
            ("workers", self.workers, 1),
            ("samples-per-part", self.samples_per_part, 0),
            ("seed", self.seed, 0),
        ):
            if value < least:
                raise ValueError(f"--{name} must be {least} or more, not {value}")
        if not 0.05 <= self.megapixels <= 100:
            raise ValueError(f"--megapixels must lie in 0.05 to 100, not {self.megapixels:g}")
        if self.pixels_per_mm is not None and not 1 <= self.pixels_per_mm <= 40:
            raise ValueError(f"--pixels-per-mm must lie in 1 to 40, not {self.pixels_per_mm:g}")
        wrong = [fold for fold in self.folds if not 1 <= fold <= 10]
        if wrong:
            raise ValueError(f"--folds are 1 to 10, not {wrong[0]}")

    def strength_shares(self) -> tuple[tuple[str, float], ...]:
        """The mix of strengths as (name, share), shares adding to 1.

        Raises:
            ValueError: if a strength is unknown or given twice, or a share is no positive number.
        """
        shares: dict[str, float] = {}
        for text in self.strengths:
            name, _, number = text.partition("=")
            if name in shares:
                raise ValueError(f"strength {name} is given twice")
            try:
                shares[name] = float(number) if number else 1.0
            except ValueError:
                shares[name] = 0.0
            if not 0 < shares[name] < 1e9:
                raise ValueError(f"strength {text!r}: the share must be a positive number")
        if not shares:
            raise ValueError("--strengths must name at least one strength")
        total = sum(shares.values())
        return tuple((name, share / total) for name, share in shares.items())

    def share(self) -> tuple[int, int]:
        """``--shard`` as numbers.

        Raises:
            ValueError: if it is no i/n with i from 1 to n.
        """
        first, _, last = self.shard.partition("/")
        if first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last):
            return int(first), int(last)
        raise ValueError(f"--shard must be i/n, such as 2/8, not {self.shard!r}")


@dataclass(frozen=True)
class GalleryOptions:
    """Draw pictures of all layouts, papers, presets and effects."""

    out: Path = Path("docs/gallery")
    """Folder of the pictures and their page."""
    data: Path | None = None
    """PTB-XL or a folder of WFDB records; the ECG simulator without."""
    seed: int = 0
    """Seed of the record."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"--seed must be 0 or more, not {self.seed}")
