"""Pages for benchmarks: fold-10 records printed, photographed and read, each once.

What was read is kept beside the results (``results/tmp/readings/<reader>/<case>/<record>.npz``,
the reader by a digest of its weights and code), so a benchmark goes on where it stopped and the
diagnosis benchmark reuses the pages that the digitization benchmark read.
"""

from __future__ import annotations

import functools
import hashlib
import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dataset_generation.page import Page
from dataset_generation.page_spec import PageSpec, sample_page
from dataset_generation.photo import Photo, sample_photo
from ecg.formats.atomic import atomic_path
from ecg.leads import LEAD_INDEX
from ecg.metrics.page import score_page
from ecg.reading import READING_RATE_HZ, PageRejected
from ecg.record import Record
from segmentation.looks import NAMES

_RIGHT_PEARSON = 0.5


@dataclass(frozen=True)
class ReadPage:
    """What became of one page.

    Attributes:
        record_id: the record printed.
        status: ``read``, ``rejected`` or ``error``; ``reason`` says why.
        signal_mv: ``(12, n)`` as read; empty where not read.
        seconds: reading time.
        layout_right: whether the layout was recognised.
        leads_found: leads of which at least half was read and that correlate above 0.5 with the
            true lead of their name.
        leads_printed: leads printed.
        lead_snr_db: ``(12,)`` Challenge SNR of each printed lead (0 where failed), else NaN.
        pearson, rmse_uv, kaggle_ratio: page means as ``ecg.metrics`` defines them.
    """

    record_id: str
    status: str
    reason: str
    signal_mv: NDArray[np.float32]
    seconds: float
    layout_right: bool
    leads_found: int
    leads_printed: int
    lead_snr_db: NDArray[np.float64]
    pearson: float
    rmse_uv: float
    kaggle_ratio: float


def usual_page(rng: np.random.Generator, layout: str) -> PageSpec:
    """A random page of a layout at 25 mm/s and 10 mm/mV with consecutive columns."""
    while True:
        spec = sample_page(rng, layout)
        usual = spec.speed_mm_per_s == 25 and spec.gain_mm_per_mv == 10
        whole = spec.duration_s == 10 or layout == "strip"
        if usual and whole and not spec.simultaneous and spec.pulse != "each":
            return spec


def printed_truth(page: Page, rate_hz: float = READING_RATE_HZ) -> NDArray[np.float32]:
    """``(12, n)`` the record where the page prints it, NaN elsewhere."""
    samples = round(page.spec.duration_s * rate_hz)
    truth = np.full((12, samples), np.nan, np.float32)
    for trace in page.traces:
        first = round(trace.start_s * rate_hz)
        truth[LEAD_INDEX[trace.lead], first : first + len(trace.signal_mv)] = trace.signal_mv
    return truth


def make_photo(record: Record, layout: str, strength: str, seed: int) -> Photo:
    """The benchmark's photo of a record: the same for the same seed."""
    number = int("".join(ch for ch in record.record_id if ch.isdigit()) or 0)
    rng = np.random.default_rng(
        [seed, number, sorted(("clean", "scan", "photo", "hard_photo")).index(strength)]
    )
    spec = usual_page(rng, layout)
    photo = sample_photo(rng, (spec.width_mm, spec.height_mm), strength)
    return Photo(Page(spec, record), photo)


def judge(
    record_id: str,
    truth: NDArray[np.float32],
    read: Any,
    picture: NDArray[np.uint8],
    layout: str,
) -> ReadPage:
    """Read a picture and score it against its truth; failures count as nothing read."""
    start = time.perf_counter()
    status, reason, signal, found_layout = "read", "", np.empty((12, 0), np.float32), ""
    try:
        reading = read(picture)
        signal, found_layout = reading.signal_mv, reading.layout
    except PageRejected as rejected:
        status, reason = "rejected", str(rejected)
    seconds = time.perf_counter() - start
    estimate = None
    if status == "read":
        estimate = np.full_like(truth, np.nan)
        common = min(truth.shape[1], signal.shape[1])
        estimate[:, :common] = signal[:, :common]
    score = score_page(truth, estimate, READING_RATE_HZ)
    printed = np.isfinite(truth).any(axis=1)
    lead_snr = np.full(12, np.nan)
    right = 0
    for lead in score.leads:
        index = LEAD_INDEX[lead.lead]
        lead_snr[index] = lead.challenge_snr_db
        right += bool(lead.found and lead.pearson > _RIGHT_PEARSON)
    return ReadPage(
        record_id,
        status,
        reason,
        signal.astype(np.float32),
        seconds,
        found_layout == layout,
        right,
        int(printed.sum()),
        lead_snr,
        float(score.pearson),
        float(score.rmse_uv),
        float(score.kaggle_ratio),
    )


def reader_digest() -> str:
    """Digest of what decides how a page is drawn and read: the looks that ship and the code."""
    top = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for network in sorted(NAMES.values()):
        digest.update((top / "checkpoints" / network / "config.json").read_bytes())
    for room in ("dataset_generation", "digitization", "ecg", "segmentation"):
        for source in sorted((top / room).rglob("*")):
            if source.suffix in (".py", ".toml"):
                digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def readings_folder(out: Path) -> Path:
    """Where the readings of today's reader are kept."""
    return out / "tmp" / "readings" / reader_digest()


def read_all(
    records: Iterator[Record], layout: str, strength: str, seed: int, out: Path, workers: int = 1
) -> Iterator[ReadPage]:
    """Print, photograph and read records; what was read already is not read again.

    Args:
        records: what to print.
        layout: layout id.
        strength: strength of the photos.
        seed: seed of pages and photos.
        out: folder of the results.
        workers: processes, each with one thread where there are several.
    """
    folder = readings_folder(out) / f"{layout}_{strength}_{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    work = [(record, folder / f"{record.record_id}.npz") for record in records]
    missing = [(record, layout, strength, seed, path) for record, path in work if not path.exists()]
    progress = tqdm(total=len(missing), desc=f"{layout}/{strength}", unit="page", disable=None)
    with progress:
        if workers > 1 and missing:
            context = multiprocessing.get_context("spawn")
            with context.Pool(workers, initializer=_one_thread) as pool:
                for _ in pool.imap_unordered(_read_one, missing):
                    progress.update()
        else:
            for one in missing:
                _read_one(one)
                progress.update()
    for _, path in work:
        yield load_read_page(path)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@functools.cache
def _reader() -> Any:
    from pipeline.digitizer import Digitizer

    return Digitizer.load().digitize


def _read_one(work: tuple[Record, str, str, int, Path]) -> None:
    record, layout, strength, seed, path = work
    photo = make_photo(record, layout, strength, seed)
    truth = printed_truth(photo.page)
    save_read_page(path, judge(record.record_id, truth, _reader(), photo.take(), layout))


def save_read_page(path: Path, page: ReadPage) -> None:
    """Keep what became of a page."""
    with atomic_path(path) as temporary, Path(temporary).open("wb") as file:
        np.savez_compressed(
            file,
            signal_uv=np.where(
                np.isfinite(page.signal_mv),
                np.clip(page.signal_mv * 1000, -32000, 32000),
                -32768,
            ).astype(np.int16),
            lead_snr_db=page.lead_snr_db,
            figures=np.array(
                [
                    page.seconds,
                    page.layout_right,
                    page.leads_found,
                    page.leads_printed,
                    page.pearson,
                    page.rmse_uv,
                    page.kaggle_ratio,
                ]
            ),
            words=np.array([page.record_id, page.status, page.reason]),
        )


def load_read_page(path: Path | os.PathLike[str]) -> ReadPage:
    """Take up what became of a page."""
    with np.load(path) as file:
        uv = file["signal_uv"].astype(np.float32)
        uv[uv == -32768] = np.nan
        figures = file["figures"].tolist()
        words = [str(word) for word in file["words"]]
        snr = file["lead_snr_db"]
    return ReadPage(
        words[0], words[1], words[2], uv / 1000, figures[0], bool(figures[1]), int(figures[2]),
        int(figures[3]), snr, figures[4], figures[5], figures[6],
    )  # fmt: skip
