"""A data set as one upright picture and mask of every printed stretch, as the first PTB-V had."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.coding import coded
from dataset_generation.export_objects import checked_image
from dataset_generation.masks import four_class_mask
from dataset_generation.page_spec import PageSpec
from dataset_generation.stored import StoredSample
from dataset_generation.truth import PhotoTruth, StretchTruth

COLUMNS = (
    "id", "lead", "rhythm", "row", "column", "sign", "start_s", "duration_s", "crop", "mask",
    "width", "height", "pixels_per_mm", "fold", "patient_id", "target", "labels",
    "x0", "y0", "x1", "y1", "x2", "y2", "x3", "y3",
)  # fmt: skip
"""Of ``crops.csv``; x0 to y3 are the corners in the photo, clockwise from the left top."""

_CLASS_GREY = 85
_LONE_ROW_MM = 20.0
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class CropsExport:
    """``crops/ID_LEAD=V1.jpg`` and ``crops/ID_LEAD=V1_mask.png`` of every printed stretch.

    Attributes:
        jitter: standard deviation of each corner, as a share of the photo's width and height.
        seed: of the jitter.
    """

    jitter: float
    seed: int

    folders = ("crops",)
    note = (
        "Crops of leads, as the first PTB-V had them. `crops/ID_LEAD=V1.jpg` and "
        "`crops/ID_LEAD=V1_mask.png`: a printed stretch and half the space to the rows above and "
        "below, set upright, at the photo's scale; beyond the photo they are black. A rhythm "
        "strip is `ID_LEAD=II_rhythm`. Masks are grey: 0 background, 85 grid lines at constant x, "
        "170 at constant y, 255 trace and pulse. `crops.csv`: whose they are, and the corners x0, "
        "y0 to x3, y3 in the photo, clockwise from the left top."
    )

    def convert(self, number: int, sample: StoredSample) -> tuple[dict[str, bytes], Any]:
        """A photo's files, and what the listing needs of it."""
        del number
        image, mask, truth = checked_image(sample), sample.mask(), sample.truth
        if mask is None:
            mask = four_class_mask(sample.remake())
        if mask.shape != image.shape[:2]:
            raise ValueError(f"the mask of {sample.id} is not of the size of its picture")
        rng = np.random.default_rng([self.seed, truth.seed, truth.record_number, truth.page_number])
        files: dict[str, bytes] = {}
        rows = []
        for stretch in truth.stretches:
            quad = stretch_quad(truth, stretch)
            quad = np.round(quad + self.jitter * rng.normal(size=(4, 2)) * truth.photo_size, 2)
            if not stretch.visible:
                continue
            upright, size = crop_from_photo(quad)
            name = f"crops/{sample.id}_LEAD={stretch.lead}{'_rhythm' * stretch.is_rhythm}"
            crop = cv2.warpPerspective(image, upright, size, flags=cv2.INTER_LINEAR)
            quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
            files[f"{name}.jpg"] = coded("jpg", crop, quality)
            crop_mask = cv2.warpPerspective(mask, upright, size, flags=cv2.INTER_NEAREST)
            files[f"{name}_mask.png"] = coded("png", crop_mask * _CLASS_GREY)
            facts = {key: getattr(stretch, key) for key in COLUMNS if hasattr(stretch, key)}
            facts |= {key: sample.row[key] for key in COLUMNS[-12:-8]}
            facts |= {"id": sample.id, "rhythm": int(stretch.is_rhythm)}
            facts |= {"crop": f"{name}.jpg", "mask": f"{name}_mask.png"}
            facts |= {"width": size[0], "height": size[1], "pixels_per_mm": truth.pixels_per_mm}
            facts |= dict(zip(COLUMNS[-8:], quad.ravel().tolist(), strict=True))
            rows.append([facts[key] for key in COLUMNS])
        return files, rows

    def listing(self, entries: Iterable[tuple[int, Any]]) -> dict[str, bytes]:
        """``crops.csv``.

        Args:
            entries: number of the row and second result of ``convert`` of each photo.
        """
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for _, rows in entries:
            writer.writerows(rows)
        return {"crops.csv": text.getvalue().encode()}


def stretch_quad(truth: PhotoTruth, stretch: StretchTruth) -> NDArray[np.float64]:
    """Corners of a stretch's cell in photo pixels: ``(4, 2)``, clockwise from the left top."""
    left, top, right, bottom = cell_mm(truth.page_spec, stretch)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return np.asarray(truth.photo_from_page.photo_from_page(corners), np.float64)


def cell_mm(spec: PageSpec, stretch: StretchTruth) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a stretch's cell on the page.

    Its window, with the pulse where every stretch has one, and half the space to the rows above
    and below.
    """
    left = spec.column_x_mm[stretch.column]
    right = left + stretch.duration_s * spec.speed_mm_per_s
    if spec.pulse == "each":
        left -= spec.pulse_width_mm + spec.pulse_foot_mm
    rows, row = spec.row_y_mm, stretch.row
    halves = [(after - before) / 2 for before, after in pairwise(rows)]
    halves = [halves[0], *halves, halves[-1]] if halves else [_LONE_ROW_MM, _LONE_ROW_MM]
    top, bottom = rows[row] - halves[row], rows[row] + halves[row + 1]
    return max(left, 0.0), max(top, 0.0), min(right, spec.width_mm), min(bottom, spec.height_mm)


def crop_from_photo(quad: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """What sets a quad upright at its own scale.

    Args:
        quad: ``(4, 2)`` corners in photo pixels, clockwise from the left top.

    Returns:
        The homography, ``(3, 3)``, and the crop's width and height. The corners lie on the outer
        edges of the crop's outer pixels.
    """
    sides = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=-1)
    width = max(2, round(float(sides[0] + sides[2]) / 2))
    height = max(2, round(float(sides[1] + sides[3]) / 2))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), corners.astype(np.float32))
    return np.asarray(matrix, np.float64), (width, height)
