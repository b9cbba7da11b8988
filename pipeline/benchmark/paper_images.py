"""Real pictures without true signals: read or rejected, and what the page says of its reading."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ecg.formats.atomic import atomic_path
from ecg.leads import LEADS
from ecg.reading import READING_RATE_HZ, PageRejected
from ecg.resampling import resample
from pipeline.benchmark.page_figures import MODEL, page_figures
from pipeline.benchmark.pages import ReadPage, ReadsPicture, Truth
from pipeline.benchmark.real_photos import Row, manifest_rows, read_file
from pipeline.benchmark.table import Figure
from pipeline.photos import PhotoError, load_photos

SIGNAL = "signal"
_TRUE_RATE_HZ = 250.0
_AGREES = 0.9
_SCALES = ((0.0, 4.0), (4.0, 6.0), (6.0, np.inf))


@dataclass(frozen=True)
class PictureRead:
    """What became of one picture.

    Attributes:
        file: its name in the manifest.
        kind: what it is: ``phone_photo``, ``scan``, ``report_raster``, ``crop``.
        status: ``read``, ``rejected`` or ``error``; ``reason`` says why.
        layout: as recognised; ``layout_told`` as the manifest tells it.
        pixels_per_mm: scale of the page; NaN where not read.
        quality: what the reader says of its reading.
        einthoven: correlation of III with II - I as read.
    """

    file: str
    kind: str
    status: str
    reason: str
    layout: str
    layout_told: str
    pixels_per_mm: float
    quality: float
    einthoven: float

    @property
    def as_told(self) -> bool:
        """Whether the layout is the one told."""
        return self.layout == self.layout_told


def paper_image_figures(
    folder: Path, read: ReadsPicture, kept: Path, out: Path, count: int | None = None
) -> list[Figure]:
    """Read every picture of the folder, write ``paper_images.csv``, and sum up.

    The folder holds ``manifest.csv`` (``file, archive, kind, layout``); pictures may lie in
    archives. Those of ``known_truth`` are scored against the signals of the ``signal`` file there.

    Args:
        folder: the pictures.
        read: what reads a picture.
        kept: folder of answers that need not be given again.
        out: folder of the results.
        count: at most so many pictures of an archive, evenly taken; all where None.
    """
    rows = list(manifest_rows(folder))
    chosen = _chosen(rows, count)
    found = []
    for row, path in tqdm(unpacked(folder, chosen), "paper_images", len(chosen), disable=None):
        cache = kept / "paper_images" / f"{row['file'].replace('/', '_')}.json"
        if not cache.exists():
            answer = _read(row, path, read)
            cache.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(cache) as temporary:
                Path(temporary).write_text(json.dumps(asdict(answer)), encoding="utf-8")
        found.append(PictureRead(**json.loads(cache.read_text(encoding="utf-8"))))
    _write(out / "paper_images.csv", found)
    figures = _figures(found)
    for signal in (row for row in rows if row["kind"] == SIGNAL):
        figures += _known_truth(folder, signal, rows, read, kept)
    return figures


def _chosen(rows: Sequence[Row], count: int | None) -> list[Row]:
    """Every plain picture, and of each archive all or ``count``."""
    chosen = [row for row in rows if not row["archive"] and row["kind"] != SIGNAL]
    for archive in sorted({row["archive"] for row in rows if row["archive"]}):
        packed = [row for row in rows if row["archive"] == archive]
        step = max(1, len(packed) // count) if count else 1
        chosen += packed[::step][:count]
    return chosen


def unpacked(folder: Path, rows: Sequence[Row]) -> Iterator[tuple[Row, Path]]:
    """Yields rows with their files; those of an archive lie in a folder that goes again."""
    for row in rows:
        if not row["archive"]:
            yield row, folder / row["file"]
    for archive in sorted({row["archive"] for row in rows if row["archive"]}):
        wanted = {Path(row["file"]).name: row for row in rows if row["archive"] == archive}
        with tempfile.TemporaryDirectory() as temporary, tarfile.open(folder / archive) as packed:
            for member in packed:
                name = Path(member.name).name
                data = packed.extractfile(member) if name in wanted else None
                if data is not None:
                    path = Path(temporary) / name
                    path.write_bytes(data.read())
                    yield wanted[name], path
                    path.unlink()


def _read(row: Row, path: Path, read: ReadsPicture) -> PictureRead:
    def answer(status: str, reason: str) -> PictureRead:
        unknown = float("nan")
        return PictureRead(
            row["file"], row["kind"], status, reason, "", row["layout"], unknown, unknown, unknown
        )

    try:
        reading = read(next(iter(load_photos(path))).pixels)
    except PageRejected as refusal:
        return answer("rejected", str(refusal))
    except PhotoError as broken:
        return answer("error", str(broken))
    einthoven = reading.evidence["agreement"]["einthoven"]
    return PictureRead(
        row["file"],
        row["kind"],
        "read",
        "",
        reading.layout,
        row["layout"],
        reading.geometry.pixels_per_mm(),
        reading.quality,
        float("nan") if einthoven is None else float(einthoven),
    )


def _figures(found: Sequence[PictureRead]) -> list[Figure]:
    groups: dict[str, list[PictureRead]] = {"all": list(found)}
    for one in found:
        groups.setdefault(one.kind, []).append(one)
        for low, high in _SCALES:
            if low <= one.pixels_per_mm < high:
                name = f"{low:g}-{high:g}px_per_mm" if high < np.inf else f"{low:g}px_per_mm_up"
                groups.setdefault(name, []).append(one)
    figures = []
    for group, some in sorted(groups.items()):
        read = [one for one in some if one.status == "read"]
        agreed = [one.einthoven for one in read if np.isfinite(one.einthoven)]
        values = {
            "pictures_read_percent": 100 * len(read) / len(some),
            "layout_as_told_percent": 100 * sum(one.as_told for one in some) / len(some),
            "limb_leads_agree_percent": 100 * sum(value > _AGREES for value in agreed) / len(some),
        }
        if agreed:
            values["limb_lead_correlation_median"] = float(np.median(agreed))
        data = f"{len(found)} real pictures without true signals"
        for metric, value in values.items():
            case = f"paper_images/{group}"
            figures.append(Figure(case, metric, float(value), len(some), MODEL, data))
    return figures


def _known_truth(
    folder: Path, signal: Row, rows: Sequence[Row], read: ReadsPicture, kept: Path
) -> list[Figure]:
    """Scores of the pictures beside a file of true signals (mV at 250 Hz, a column a lead)."""
    table = np.genfromtxt(folder / signal["file"], delimiter=",", names=True)
    leads = np.stack([table[lead] for lead in LEADS]).astype(np.float32)
    printed = np.asarray(resample(leads, _TRUE_RATE_HZ, READING_RATE_HZ), np.float32)
    beside = Path(signal["file"]).parent
    figures = []
    for row in rows:
        if Path(row["file"]).parent != beside or row["kind"] == SIGNAL:
            continue
        truth = Truth(printed, printed, row["layout"])
        name = f"paper_images/{Path(row['file']).stem}"
        page: ReadPage = read_file(folder / row["file"], truth, read, kept / "known_truth", name)
        figures += page_figures(name, [page], "a real picture of a PTB-XL record")
    return figures


def _write(path: Path, found: Sequence[PictureRead]) -> None:
    """One row a picture; real pictures themselves are never written."""
    text = io.StringIO()
    columns = [field.name for field in fields(PictureRead)]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for one in found:
        writer.writerow(
            {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in asdict(one).items()}
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        Path(temporary).write_text(text.getvalue(), encoding="utf-8")
