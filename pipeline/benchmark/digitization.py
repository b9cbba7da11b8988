"""How well pages are read: generated fold-10 pages, and real photos with known truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecg.metrics.digitization import kaggle_db
from pipeline.benchmark.pages import (
    ReadPage,
    judge,
    load_read_page,
    read_all,
    readings_folder,
    save_read_page,
)
from pipeline.benchmark.table import Figure, mean_interval, write_figures

if TYPE_CHECKING:
    from ecg.record import Record
    from pipeline.options import BenchmarkOptions

CASES = (
    "3x4+1/clean",
    "3x4+1/scan",
    "3x4+1/photo",
    "3x4+1/hard_photo",
    "3x4/photo",
    "3x4+3/photo",
    "6x2/photo",
    "6x2+1/photo",
    "12x1/photo",
)
PAGES = 40
MODEL = "page_look+layout_look+lead_names+trace_look"


def measure_digitization(options: BenchmarkOptions) -> Path:
    """Measure every case asked for and write ``digitization.csv``."""
    from pipeline.digitizer import Digitizer

    figures: list[Figure] = []
    path = options.out / "digitization.csv"
    for case in options.cases or (*CASES, "real_photos"):
        if case.startswith("real_photos"):
            if options.real_photos is None:
                continue
            figures += real_photo_figures(
                options.real_photos,
                Digitizer.load().digitize,
                readings_folder(options.out) / "real_photos",
            )
        else:
            layout, strength = case.split("/")
            records = test_records(options, options.limit or PAGES)
            pages = list(
                read_all(records, layout, strength, options.seed, options.out, options.workers)
            )
            figures += page_figures(
                case, pages, "PTB-XL fold 10, generated pages, 25 mm/s 10 mm/mV"
            )
        write_figures(path, figures)
    return path


def test_records(options: BenchmarkOptions, count: int) -> Iterator[Record]:
    """The first so many records of a fixed, MI-stratified order of fold 10."""
    from ecg.ptbxl import PtbXl

    if options.data is None:
        raise ValueError("this benchmark needs PTB-XL: name its folder with --data")
    ptbxl = PtbXl(options.data)
    for ecg_id in stratified_order(ptbxl, options.seed)[:count]:
        yield ptbxl.record(int(ecg_id), 500)


def stratified_order(ptbxl: Any, seed: int) -> list[int]:
    """Fold-10 records in a random order in which every stretch has the fold's share of MI."""
    ids = ptbxl.select(split="test", rate_hz=500)
    mi = ptbxl.index.loc[ids, "mi"].to_numpy()
    rng = np.random.default_rng(seed)
    keyed = []
    for group in (ids[mi], ids[~mi]):
        shuffled = rng.permutation(group)
        places = (np.arange(len(shuffled)) + rng.random()) / len(shuffled)
        keyed += list(zip(places.tolist(), shuffled.tolist(), strict=True))
    return [int(ecg_id) for _, ecg_id in sorted(keyed)]


def page_figures(
    case: str, pages: Sequence[ReadPage], data: str, model: str = MODEL
) -> list[Figure]:
    """The metric families of one case; pages that failed count in every mean."""
    lead_snr = np.concatenate([page.lead_snr_db[np.isfinite(page.lead_snr_db)] for page in pages])
    page_snr = np.array([np.nanmean(page.lead_snr_db) for page in pages])
    low, high = mean_interval(page_snr)
    n = len(pages)

    def figure(metric: str, value: Any, **more: float) -> Figure:
        return Figure(case, metric, float(value), n, model, data, **more)

    found = sum(page.leads_found for page in pages)
    printed = sum(page.leads_printed for page in pages)
    read = [page for page in pages if page.status == "read"]
    wrong = [page for page in read if page.leads_found < page.leads_printed / 2]
    return [
        figure("challenge_snr_db_mean", lead_snr.mean(), low=low, high=high),
        figure("challenge_snr_db_median", np.median(page_snr)),
        figure("kaggle_snr_db", kaggle_db([page.kaggle_ratio for page in pages])),
        figure("pearson", np.mean([page.pearson for page in pages])),
        figure("rmse_uv", np.mean([page.rmse_uv for page in pages])),
        figure("leads_found_percent", 100 * found / max(printed, 1)),
        figure(
            "pages_all_leads_percent",
            100 * np.mean([page.leads_found == page.leads_printed for page in pages]),
        ),
        figure("pages_read_percent", 100 * len(read) / n),
        figure("pages_read_wrong_percent", 100 * len(wrong) / n),
        figure("layout_right_percent", 100 * np.mean([page.layout_right for page in pages])),
    ]


def real_photo_figures(folder: Path, read: Any, kept: Path, model: str = MODEL) -> list[Figure]:
    """Scores on real photos whose true signals are known.

    The folder holds ``manifest.csv`` (``file, kind, ecg_id, layout, width``) and ``truth.npz``
    (one int16 ``(12, 5000)`` array in uV at 500 Hz for each ``ecg_id`` of five digits).

    Args:
        folder: the photos.
        read: what reads a picture.
        kept: folder of readings that need not be made again.
        model: what the figures are said to be of.
    """
    import csv

    from pipeline.photos import load_photos

    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "phone_photo"]
    groups: dict[str, list[ReadPage]] = {}
    with np.load(folder / "truth.npz") as truths:
        for row in rows:
            uv = truths[f"{int(row['ecg_id']):05d}"].astype(np.float32)
            uv[uv == -32768] = np.nan
            cache = kept / f"{row['file']}.npz"
            if cache.exists():
                page = load_read_page(cache)
            else:
                picture = next(iter(load_photos(folder / row["file"]))).pixels
                page = judge(row["file"], uv / 1000, read, picture, row["layout"])
                cache.parent.mkdir(parents=True, exist_ok=True)
                save_read_page(cache, page)
            scale = "5px_per_mm" if "_2000px" in row["file"] else "8px_per_mm"
            bent = any(float(row[key] or 0) for key in ("folded", "wrinkled"))
            for group in ("all", scale, "folded_or_crumpled" if bent else "flat"):
                groups.setdefault(f"real_photos/{group}", []).append(page)
    figures = []
    for case, pages in groups.items():
        data = "24 real phone photos of printed PTB-XL records"
        figures += page_figures(case, pages, data, model)
    return figures
