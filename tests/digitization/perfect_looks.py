"""Looks that see the truth of a generated photo: what is left is the reader's own error."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np

import digitization.find_page as find_page
import digitization.read_page as reader
from dataset_generation.page import Page
from dataset_generation.photo import Photo, sample_photo
from digitization.page_seen import look_over
from digitization.rows import COLUMNS_PER_MM, PIXELS_PER_MM
from digitization.traces import clean_heights
from ecg.probability_maps import ProbabilityMaps
from ecg.record import Record
from ecg.simulator import simulate
from pipeline.benchmark.cases import Variant, usual_page
from segmentation import layout_look, page_look, trace_look

_MOST_PX = 4096


def placed_picture(width: int, height: int) -> np.ndarray:
    """A picture whose every pixel holds its own place, so that a part of it is known for one."""
    assert max(width, height) <= _MOST_PX
    places = np.arange(height)[:, None] * _MOST_PX + np.arange(width)
    return places.astype("<u4")[..., None].view(np.uint8)[..., :3].copy()


class PerfectLooks:
    """Answers from the truth of one photo.

    The first pixel of a picture says which part of the photo it is (``placed_picture``).
    """

    def __init__(self, photo: Photo) -> None:
        self.photo = photo

    def see_page(self, picture: np.ndarray, longest_px: int) -> ProbabilityMaps:
        height, width = picture.shape[:2]
        first = int.from_bytes(picture[0, 0].tobytes(), "little")
        roi = (first % _MOST_PX, first // _MOST_PX, width, height)
        targets = page_look.page_targets(self.photo, roi).astype(np.float32) / 255
        soft = np.stack([cv2.GaussianBlur(target, (0, 0), 1.0) for target in targets])
        return ProbabilityMaps(soft, page_look.CLASSES)

    def see_names(self, crops: np.ndarray) -> np.ndarray:
        """No further name is to be found: those that are printed were seen already."""
        return np.tile(np.eye(13, dtype=np.float32)[12], (len(crops), 1))

    def see_trace(self, strip: np.ndarray) -> np.ndarray:
        """Never asked: rows are read from the truth."""
        raise NotImplementedError

    def see_text(self, crop: np.ndarray) -> np.ndarray:
        """Nothing is printed but what was seen already."""
        return np.tile(np.eye(46, dtype=np.float32)[0], (crop.shape[1] // 4, 1))

    def _found_from_true(self, geometry: Any) -> np.ndarray:
        """Affine map from the true page's millimetres to those of the geometry found."""
        true = self.photo.camera.page_from_photo(geometry.photo_points)
        rows, columns = true.shape[:2]
        x0, y0 = geometry.origin_mm
        step = geometry.step_mm
        x, y = np.meshgrid(x0 + step * np.arange(columns), y0 + step * np.arange(rows))
        spec = self.photo.page.spec
        inside = (true[..., 0] > 2) & (true[..., 0] < spec.width_mm - 2)
        inside &= (true[..., 1] > 2) & (true[..., 1] < spec.height_mm - 2)
        design = np.concatenate([true[inside], np.ones((inside.sum(), 1))], axis=1)
        solution, *_ = np.linalg.lstsq(design, np.stack([x[inside], y[inside]], 1), rcond=None)
        return solution

    def _page_in(self, geometry: Any) -> tuple[Any, bool]:
        """The truth in the found page's millimetres, and whether it stands upright there."""
        affine = self._found_from_true(geometry)

        def moved(points: Any) -> np.ndarray:
            points = np.asarray(points, float)
            return np.concatenate([points, np.ones((*points.shape[:-1], 1))], -1) @ affine

        page = self.photo.page
        texts = []
        for word in page.texts:
            a, b, c, d = word.box_mm
            box = moved([[a, b], [c, d]]).ravel()
            texts.append(replace(word, box_mm=tuple(box)))
        traces = [replace(t, points_mm=moved(t.points_mm)) for t in page.traces]
        pulses = [moved(pulse) for pulse in page.pulses]
        upright = affine[0, 0] > 0.5
        return SimpleNamespace(traces=traces, pulses=pulses, texts=texts), upright

    def see_layout_of(self, picture: Any, geometry: Any, looks: Any) -> Any:
        left, top, right, bottom = geometry.extent_mm
        page, upright = self._page_in(geometry)
        side = int(max(right - left, bottom - top) * layout_look.PIXELS_PER_MM)
        targets = layout_look.layout_targets(
            cast("Photo", SimpleNamespace(page=page)), left, top, 0, side
        )
        maps = (targets / 255).astype(np.float32)
        if not upright:
            maps[:12] = 0
        shift = 0.5 / layout_look.PIXELS_PER_MM
        seen = ProbabilityMaps(maps, layout_look.CLASSES, (2.0, 2.0))
        return look_over(seen, left + shift, top + shift, layout_look.OUTPUT_PIXELS_PER_MM)

    def read_row(self, picture: Any, geometry: Any, row: Any, looks: Any) -> Any:
        page, _ = self._page_in(geometry)

        def level(number: int) -> float:
            return float(
                np.median([t.points_mm[:, 1].mean() for t in page.traces if t.row == number])
            )

        number = min({t.row for t in page.traces}, key=lambda n: abs(level(n) - row.y_mm))
        left = row.left_mm - 14
        top = row.y_mm - trace_look.STRIP_MM / 2
        columns = round((row.right_mm + 14 - left) * COLUMNS_PER_MM)
        size = (columns, trace_look.HEIGHT)
        height = trace_look.strip_truth(page, number, left, top, size).astype(float)
        x = left + np.arange(columns) / COLUMNS_PER_MM
        y = top + height / PIXELS_PER_MM
        sure = np.isfinite(height).astype(np.float32)
        return clean_heights(x, y, sure, sure)

    def read_rows(self, picture: Any, geometry: Any, seen: Any, looks: Any) -> Any:
        return {row: self.read_row(picture, geometry, row, looks) for row in seen.rows}


def photograph(
    layout: str,
    strength: str,
    seed: int,
    pixels_per_mm: float = 4.0,
    same_seconds: bool = False,
) -> Photo:
    """A photo of a simulated record."""
    rng = np.random.default_rng(seed)
    record: Record = simulate(rng)
    spec = usual_page(rng, layout, Variant(same_seconds=same_seconds))
    size = (spec.width_mm, spec.height_mm)
    return Photo(Page(spec, record), sample_photo(rng, size, strength, pixels_per_mm))


def read_perfectly(photo: Photo, monkeypatch: Any, **options: Any) -> Any:
    """Read a photo with looks that see its truth."""
    looks = PerfectLooks(photo)
    monkeypatch.setattr(find_page, "_see_layout", looks.see_layout_of)
    monkeypatch.setattr(reader, "read_rows", looks.read_rows)
    width, height = photo.spec.camera.photo_size
    picture = placed_picture(width, height)
    return reader.read_page(picture, cast("Any", looks), reader.ReadOptions(**options))
