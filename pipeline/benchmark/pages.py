"""Pages for benchmarks: fold-10 records printed, photographed and read, each once.

What was read is kept beside the results (``results/tmp/readings/<reader>/<case>/<record>.npz``,
the reader by a digest of its weights and code), so a benchmark goes on where it stopped and the
diagnosis benchmark reuses the pages that the digitization benchmark read.
"""

from __future__ import annotations

import functools
import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dataset_generation.photo import Photo
from ecg.formats.atomic import atomic_path
from ecg.leads import LEAD_INDEX, LEADS
from ecg.metrics.lead_names import misplaced_names, wrong_names
from ecg.metrics.page import score_page
from ecg.metrics.time_base import time_error
from ecg.reading import READING_RATE_HZ, PageRejected, Reading
from ecg.record import Record
from pipeline.benchmark.cases import PRESETS, PageCase, make_photo, shown_part
from segmentation.looks import NAMES

_RIGHT_PEARSON = 0.5
_UPSIDE_DOWN_PEARSON = -0.8
_ROOMS = ("checkpoints", "dataset_generation", "digitization", "ecg", "learning", "segmentation")

ReadsPicture = Callable[[NDArray[np.uint8]], Reading]


@dataclass(frozen=True)
class Truth:
    """What there is to read on a page.

    Attributes:
        printed_mv: ``(12, n)`` at 500 Hz, NaN where the page prints nothing.
        record_mv: ``(12, m)`` the whole record at 500 Hz.
        layout: layout id.
        speed_mm_per_s, gain_mm_per_mv: as printed.
        traces: lead and ``(n, 2)`` points in pixels of each printed trace; none where unknown.
    """

    printed_mv: NDArray[np.float32]
    record_mv: NDArray[np.float32]
    layout: str
    speed_mm_per_s: float = 25.0
    gain_mm_per_mv: float = 10.0
    traces: tuple[tuple[str, NDArray[np.float64]], ...] = ()


@dataclass(frozen=True)
class PageFigures:
    """What became of one page, in figures.

    Attributes:
        record_id: the record printed.
        case: the case that the page was made for.
        status: ``read`` or ``rejected``; ``reason`` says why.
        seconds: reading time.
        quality: what the reader says of its own reading; NaN where not read.
        layout_right, scale_right: whether the layout, and both speed and gain were recognised.
        leads_found: leads of which at least half was read and that correlate above 0.5 with the
            true lead of their name.
        leads_printed: leads printed.
        wrong_names: leads given out that are another's trace, or upside down; where the places of
            the traces are not known, those whose samples are another lead's.
        pearson, rmse_uv, kaggle_ratio, mean_removed_snr_db: page means as ``ecg.metrics`` defines
            them.
        amplitude_error: median over leads; NaN where nothing was read.
        time_error: as ``ecg.metrics.time_base`` defines it.
    """

    record_id: str
    case: str
    status: str
    reason: str
    seconds: float
    quality: float
    layout_right: bool
    scale_right: bool
    leads_found: int
    leads_printed: int
    wrong_names: tuple[str, ...]
    pearson: float
    rmse_uv: float
    kaggle_ratio: float
    mean_removed_snr_db: float
    amplitude_error: float
    time_error: float


@dataclass(frozen=True, eq=False)
class ReadPage:
    """What became of one page.

    Attributes:
        figures: in figures.
        signal_mv: ``(12, n)`` as read; empty where not read.
        lead_snr_db: ``(12,)`` Challenge SNR of each printed lead (0 where failed), else NaN.
    """

    figures: PageFigures
    signal_mv: NDArray[np.float32]
    lead_snr_db: NDArray[np.float64]

    @property
    def status(self) -> str:
        """``read`` or ``rejected``."""
        return self.figures.status

    @property
    def snr_db(self) -> float:
        """Mean Challenge SNR of the page."""
        return float(np.nanmean(self.lead_snr_db))


def truth_of(photo: Photo, part: tuple[int, int, int, int] | None = None) -> Truth:
    """What a photo of a generated page, or the part that ``cases.shown_part`` gives, shows."""
    page = photo.page
    spec = page.spec
    left, right = (-np.inf, np.inf) if part is None else (part[0], part[0] + part[2])
    corner = (0, 0) if part is None else part[:2]
    samples = round(spec.duration_s * READING_RATE_HZ)
    printed = np.full((12, samples), np.nan, np.float32)
    for trace, points in zip(page.traces, photo.trace_points, strict=True):
        first = round(trace.start_s * READING_RATE_HZ)
        shown = (points[:, 0] >= left) & (points[:, 0] < right)
        row = printed[LEAD_INDEX[trace.lead], first : first + len(trace.signal_mv)]
        row[shown] = trace.signal_mv[shown]
    record = page.record.signal_mv.astype(np.float32)
    traces = tuple(
        (trace.lead, points - corner)
        for trace, points in zip(page.traces, photo.trace_points, strict=True)
    )
    return Truth(printed, record, spec.layout, spec.speed_mm_per_s, spec.gain_mm_per_mv, traces)


def judge(
    name: str, truth: Truth, read: ReadsPicture, picture: NDArray[np.uint8], case: str = ""
) -> ReadPage:
    """Read a picture and score it against its truth; failures count as nothing read.

    Args:
        name: of the record, or of the picture's file.
        truth: what there is to read.
        read: the reader.
        picture: ``(h, w, 3)`` uint8 RGB.
        case: the case that it belongs to.
    """
    start = time.perf_counter()
    reading, reason = None, ""
    try:
        reading = read(picture)
    except PageRejected as rejected:
        reason = str(rejected)
    return score(name, truth, reading, reason, time.perf_counter() - start, case)


def score(
    name: str,
    truth: Truth,
    reading: Reading | None,
    reason: str = "",
    seconds: float = float("nan"),
    case: str = "",
) -> ReadPage:
    """Score a reading, None where the page was rejected, against its truth."""
    printed = truth.printed_mv
    signal = np.empty((12, 0), np.float32) if reading is None else reading.signal_mv
    estimate = np.full_like(printed, np.nan)
    common = min(printed.shape[1], signal.shape[1])
    estimate[:, :common] = signal[:, :common]
    found = score_page(printed, None if reading is None else estimate, READING_RATE_HZ)
    lead_snr = np.full(12, np.nan)
    right = 0
    upside_down = set()
    for lead in found.leads:
        lead_snr[LEAD_INDEX[lead.lead]] = lead.challenge_snr_db
        right += bool(lead.found and lead.pearson > _RIGHT_PEARSON)
        if lead.found and lead.pearson < _UPSIDE_DOWN_PEARSON:
            upside_down.add(lead.lead)
    wrong: tuple[str, ...] = ()
    if reading is not None and truth.traces:
        read = [(trace.lead, trace.photo_points) for trace in reading.traces]
        misplaced = {*misplaced_names(truth.traces, read), *upside_down}
        wrong = tuple(lead for lead in LEADS if lead in misplaced)
    elif reading is not None:
        wrong = wrong_names(truth.record_mv, signal)
    amplitudes = [lead.amplitude_error for lead in found.leads]
    known = [value for value in amplitudes if np.isfinite(value)]
    figures = PageFigures(
        record_id=name,
        case=case,
        status="rejected" if reading is None else "read",
        reason=reason,
        seconds=seconds,
        quality=float("nan") if reading is None else reading.quality,
        layout_right=reading is not None and reading.layout == truth.layout,
        scale_right=reading is not None
        and (reading.speed_mm_per_s, reading.gain_mm_per_mv)
        == (truth.speed_mm_per_s, truth.gain_mm_per_mv),
        leads_found=right,
        leads_printed=int(np.isfinite(printed).any(axis=1).sum()),
        wrong_names=wrong,
        pearson=float(found.pearson),
        rmse_uv=float(found.rmse_uv),
        kaggle_ratio=float(found.kaggle_ratio),
        mean_removed_snr_db=float(found.mean("mean_removed_snr_db")),
        amplitude_error=float(np.median(known)) if known else float("nan"),
        time_error=time_error(printed, estimate, READING_RATE_HZ),
    )
    return ReadPage(figures, signal.astype(np.float32), lead_snr)


@functools.cache
def reader_digest() -> str:
    """Digest of what decides how a page is drawn and read: the looks that ship and the code."""
    top = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for network in sorted(NAMES.values()):
        digest.update((top / "checkpoints" / network / "config.json").read_bytes())
    drawing = [Path(__file__).with_name("cases.py"), *sorted(PRESETS.glob("*.toml"))]
    for room in _ROOMS:
        drawing += sorted((top / room).rglob("*"))
    for source in drawing:
        if source.suffix in (".py", ".toml"):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def readings_folder(out: Path) -> Path:
    """Where the readings of today's reader are kept."""
    return out / "tmp" / "readings" / reader_digest()


def case_folder(out: Path, case: PageCase, seed: int) -> Path:
    """Where the readings of a case are kept."""
    return readings_folder(out) / f"{case.name.replace('/', '_')}_{seed}"


def read_all(
    records: Iterable[Record], case: PageCase, seed: int, out: Path, workers: int = 1
) -> Iterator[ReadPage]:
    """Print, photograph and read records; what was read already is not read again.

    Args:
        records: what to print.
        case: how they are printed and photographed.
        seed: seed of pages and photos.
        out: folder of the results.
        workers: processes, each with one thread where there are several.
    """
    folder = case_folder(out, case, seed)
    work = [(record, case, seed, folder / f"{record.record_id}.npz") for record in records]
    read_missing(work, case.name, workers)
    for *_, path in work:
        yield load_read_page(path)


PageWork = tuple[Record, PageCase, int, Path]
"""A record to print, how, with which seed, and where to keep what was read."""


def read_missing(work: Iterable[PageWork], title: str, workers: int = 1) -> None:
    """Read the pages that were not read yet."""
    missing = [one for one in work if not one[-1].exists()]
    for *_, path in missing:
        path.parent.mkdir(parents=True, exist_ok=True)
    with tqdm(total=len(missing), desc=title, unit="page", disable=None) as progress:
        if workers > 1 and missing:
            context = multiprocessing.get_context("spawn")
            with context.Pool(workers, initializer=_one_thread) as pool:
                for _ in pool.imap_unordered(_read_one, missing):
                    progress.update()
        else:
            for one in missing:
                _read_one(one)
                progress.update()


def _one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # as learning.onnx and, when it is imported, torch take it


@functools.cache
def _reader() -> ReadsPicture:
    from pipeline.digitizer import Digitizer

    return Digitizer.load().digitize


def _read_one(work: PageWork) -> None:
    record, case, seed, path = work
    photo = make_photo(record, case, seed)
    part = shown_part(photo, case)
    truth = truth_of(photo, part)
    save_read_page(path, judge(record.record_id, truth, _reader(), photo.take(part), case.name))


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
            figures=np.array(json.dumps(asdict(page.figures))),
        )


def load_read_page(path: Path | os.PathLike[str]) -> ReadPage:
    """Take up what became of a page."""
    with np.load(path) as file:
        uv = file["signal_uv"].astype(np.float32)
        uv[uv == -32768] = np.nan
        figures = json.loads(str(file["figures"]))
        snr = file["lead_snr_db"]
    figures["wrong_names"] = tuple(figures["wrong_names"])
    return ReadPage(PageFigures(**figures), uv / 1000, snr)
