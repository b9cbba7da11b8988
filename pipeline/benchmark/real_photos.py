"""Real photos and scans of printed records whose true signals are known."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecg.leads import LEAD_INDEX
from ecg.paper import LAYOUTS
from ecg.reading import READING_RATE_HZ
from ecg.resampling import resample
from pipeline.benchmark import BenchmarkError
from pipeline.benchmark.page_figures import MODEL, page_figures, quality_figures
from pipeline.benchmark.pages import (
    ReadPage,
    ReadsPicture,
    Truth,
    judge,
    load_read_page,
    save_read_page,
)
from pipeline.benchmark.table import Figure

if TYPE_CHECKING:
    from ecg.ptbxl import PtbXl

Row = dict[str, str]


def real_photo_figures(
    folder: Path, read: ReadsPicture, kept: Path, model: str = MODEL
) -> list[Figure]:
    """Scores on real photos whose true signals are known, and how well quality ranks them.

    The folder holds ``manifest.csv`` (``file, kind, ecg_id, layout, width``) and ``truth.npz``
    (one int16 ``(12, 5000)`` array in uV at 500 Hz for each ``ecg_id`` of five digits).

    Args:
        folder: the photos.
        read: what reads a picture.
        kept: folder of readings that need not be made again.
        model: what the figures are said to be of.
    """
    groups: dict[str, list[ReadPage]] = {}
    rows = _rows(folder, "phone_photo")
    data = f"{len(rows)} real phone photos of printed PTB-XL records"
    with np.load(folder / "truth.npz") as truths:
        for row in rows:
            uv = truths[f"{int(row['ecg_id']):05d}"].astype(np.float32)
            uv[uv == -32768] = np.nan
            page = read_file(folder / row["file"], Truth(uv / 1000, uv / 1000, row["layout"]),
                             read, kept / "real_photos", "real_photos")  # fmt: skip
            scale = "5px_per_mm" if "_2000px" in row["file"] else "8px_per_mm"
            bent = any(float(row[key] or 0) for key in ("folded", "wrinkled"))
            for group in ("all", scale, "folded_or_crumpled" if bent else "flat"):
                groups.setdefault(f"real_photos/{group}", []).append(page)
    figures = []
    for case, pages in groups.items():
        figures += page_figures(case, pages, data, model)
    return figures + quality_figures("real_photos/all", groups["real_photos/all"], data)


def real_scan_figures(
    folder: Path, ptbxl: PtbXl, read: ReadsPicture, kept: Path, model: str = MODEL
) -> list[Figure]:
    """Scores on the real scans of the same folder; their truth is PTB-XL's record at 100 Hz.

    Args:
        folder: the scans, with their ``manifest.csv``.
        ptbxl: the records.
        read: what reads a picture.
        kept: folder of readings that need not be made again.
        model: what the figures are said to be of.
    """
    rows = [row for row in _rows(folder) if row["kind"] != "phone_photo"]
    if not rows:
        return []
    pages = []
    for row in rows:
        record = ptbxl.record(int(row["ecg_id"]), 100)
        signal = resample(record.signal_mv, 100, READING_RATE_HZ).astype(np.float32)
        truth = Truth(printed_windows(signal, row["layout"]), signal, row["layout"])
        pages.append(
            read_file(folder / row["file"], truth, read, kept / "real_scans", "real_scans")
        )
    data = f"{len(rows)} real scans of printed PTB-XL records"
    figures = page_figures("real_scans", pages, data, model)
    for page in pages:
        name = Path(page.figures.record_id).stem
        figures.append(
            Figure(f"real_scans/{name}", "challenge_snr_db_mean", page.snr_db, 1, model, data)
        )
    return figures


def printed_windows(signal_mv: NDArray[np.float32], layout: str) -> NDArray[np.float32]:
    """What a usual page of a layout prints of a record of 10 s at 500 Hz, NaN elsewhere."""
    printed = np.full_like(signal_mv, np.nan)
    for lead in LAYOUTS[layout].printed_leads():
        index = LEAD_INDEX[lead.lead]
        first = round(lead.start_s * READING_RATE_HZ)
        window = slice(first, first + round(lead.duration_s * READING_RATE_HZ))
        printed[index, window] = signal_mv[index, window]
    return printed


def read_file(path: Path, truth: Truth, read: ReadsPicture, kept: Path, case: str) -> ReadPage:
    """Read a picture file and score it, unless it was before."""
    from pipeline.photos import load_photos

    cache = kept / f"{path.name}.npz"
    if cache.exists():
        return load_read_page(cache)
    picture = next(iter(load_photos(path))).pixels
    page = judge(path.name, truth, read, picture, case)
    cache.parent.mkdir(parents=True, exist_ok=True)
    save_read_page(cache, page)
    return page


def _rows(folder: Path, kind: str | None = None) -> list[Row]:
    return [row for row in manifest_rows(folder) if kind in (None, row["kind"])]


def manifest_rows(folder: Path) -> Iterator[Row]:
    """Rows of a folder's ``manifest.csv``.

    Raises:
        BenchmarkError: there is none.
    """
    path = folder / "manifest.csv"
    if not path.is_file():
        raise BenchmarkError(f"{folder} has no manifest.csv that tells what its pictures are")
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
