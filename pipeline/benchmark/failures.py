"""The failure gallery: the worst generated pages as overlays on one page."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ecg.formats.atomic import atomic_path
from ecg.reading import PageRejected
from pipeline.benchmark.cases import make_photo, parse_case, shown_part
from pipeline.benchmark.pages import ReadPage, ReadsPicture
from pipeline.overlay import draw_overlay, write_overlay

if TYPE_CHECKING:
    from ecg.ptbxl import PtbXl

WORST = 20
_LONGEST_PX = 1100
_QUALITY = 75


def write_gallery(
    out: Path,
    pages: Sequence[ReadPage],
    ptbxl: PtbXl,
    read: ReadsPicture,
    seed: int,
    count: int = WORST,
) -> Path:
    """Read the worst pages again and show what was read of them.

    Args:
        out: folder of the results; the gallery is its folder ``failures``, made anew.
        pages: generated pages, read with ``seed``.
        ptbxl: their records.
        read: the reader.
        seed: of pages and photos.
        count: how many pages, the worst by their mean Challenge SNR.

    Returns:
        The page ``README.md`` of the gallery.
    """
    folder = out / "failures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = [
        "# The worst generated pages",
        "",
        f"The {count} pages of the benchmark's generated pages with the lowest mean Challenge SNR, "
        "with what was read drawn onto them. Real photos are not shown. Records: PTB-XL, CC BY "
        "4.0.",
    ]
    worst = sorted(pages, key=lambda page: page.snr_db)[:count]
    for number, page in enumerate(worst, 1):
        figures = page.figures
        record = ptbxl.record(int(figures.record_id), 500)
        case = parse_case(figures.case)
        photo = make_photo(record, case, seed)
        name = f"{number:02d}.jpg"
        write_overlay(folder / name, _overlay(photo.take(shown_part(photo, case)), read), _QUALITY)
        told = figures.reason or (
            f"{figures.leads_found} of {figures.leads_printed} leads right, layout "
            f"{'right' if figures.layout_right else 'wrong'}, quality {figures.quality:.2f}"
        )
        lines += [
            "",
            f"## {number}. {figures.case}, record {figures.record_id}: {page.snr_db:.1f} dB",
            "",
            told,
            "",
            f"![{figures.case}, record {figures.record_id}]({name})",
        ]
    path = folder / "README.md"
    with atomic_path(path) as temporary:
        Path(temporary).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _overlay(picture: NDArray[np.uint8], read: ReadsPicture) -> NDArray[np.uint8]:
    """What was read on the picture; the picture alone where it was rejected."""
    try:
        return draw_overlay(picture, read(picture), _LONGEST_PX)
    except PageRejected:
        scale = min(1.0, _LONGEST_PX / max(picture.shape[:2]))
        size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
