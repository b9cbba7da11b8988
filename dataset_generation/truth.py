"""The truth of one photo: what is needed to score every later stage, and to remake the photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from dataset_generation.camera import Camera
from dataset_generation.page import Page
from dataset_generation.page_spec import PageSpec
from dataset_generation.photo import Photo, PhotoSpec
from dataset_generation.plain_data import ARRAY_DECIMALS, from_plain, to_plain
from ecg.leads import LEAD_INDEX
from ecg.page_geometry import PageGeometry
from ecg.paper import MAJOR_GRID_MM
from ecg.record import Record

FORMAT = "ecgphoto PTB-V truth 2"
GEOMETRY_ERROR_PX = 0.1
_JSON = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
_FACTORS = (16, 12, 8, 6, 4, 3, 2, 1)


@dataclass(frozen=True, eq=False)
class StretchTruth:
    """One printed stretch of a lead.

    Attributes:
        lead: its name.
        sign: -1 where the inverted lead is printed (Cabrera's -aVR).
        row, column: its place in the layout.
        start_s, duration_s: its window in the record.
        is_rhythm: whether it is a rhythm strip.
        visible: share of it that lies on the page and within the photo.
        photo_points: ``(n, 2)`` centre line, a point for each finite sample at 500 Hz.
    """

    lead: str
    sign: int
    row: int
    column: int
    start_s: float
    duration_s: float
    is_rhythm: bool
    visible: float
    photo_points: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WordTruth:
    """A printed word.

    Attributes:
        text: its letters.
        lead: the lead that it names, or None.
        photo_quad: ``(4, 2)`` corners, clockwise on the page from its left top.
    """

    text: str
    lead: str | None
    photo_quad: NDArray[np.float64]


@dataclass(frozen=True)
class RecordFacts:
    """Whose ECG it is: ``target`` is ``mi``, ``normal``, ``other`` or None where not known."""

    record_id: str
    patient_id: str | None
    source: str
    fold: int | None
    labels: tuple[str, ...]
    target: str | None
    age_years: float | None
    sex: str | None


@dataclass(frozen=True, eq=False)
class PhotoTruth:
    """Everything known of one photo; points are photo pixels, (0, 0) the first pixel's centre.

    Attributes:
        format: version of these fields.
        id: name of the photo's files.
        seed, record_number, page_number: what the photo was sampled from.
        image, mask, leads, signal: files, from the data set's folder or beside the truth in its
            shard; ``signal`` is a WFDB record; mask and leads None where no masks were wanted.
        record: whose ECG it is.
        strength: preset of the photo; ``effects`` what of it is to be seen.
        layout, order: how the leads are arranged.
        speed_mm_per_s, gain_mm_per_mv: paper speed and gain.
        simultaneous: whether columns show the same seconds.
        photo_size: width and height.
        page_size_mm: width and height.
        pixels_per_mm: median scale: one small square of the grid in pixels.
        page_corners: ``(4, 2)`` from the left top clockwise on the page.
        grid_points: ``(rows, columns, 2)`` crossings of the 5 mm lines, in one row where there are
            several grids; empty without such lines.
        photo_from_page: lattice, good to ``geometry_error_px`` when read linearly.
        geometry_error_px: its largest error on the page.
        stretches: every printed stretch that holds signal.
        pulses: outline of each calibration pulse, ``(6, 2)`` points.
        words: lead names first.
        page_spec, photo_spec: what was sampled; enough to remake the photo from the signal.
    """

    format: str
    id: str
    seed: int
    record_number: int
    page_number: int
    image: str
    mask: str | None
    leads: str | None
    signal: str
    record: RecordFacts
    strength: str
    effects: tuple[str, ...]
    layout: str
    order: str
    speed_mm_per_s: float
    gain_mm_per_mv: float
    simultaneous: bool
    photo_size: tuple[int, int]
    page_size_mm: tuple[float, float]
    pixels_per_mm: float
    page_corners: NDArray[np.float64]
    grid_points: NDArray[np.float64]
    photo_from_page: PageGeometry
    geometry_error_px: float
    stretches: tuple[StretchTruth, ...]
    pulses: tuple[NDArray[np.float64], ...]
    words: tuple[WordTruth, ...]
    page_spec: PageSpec
    photo_spec: PhotoSpec


def truth_of(
    photo: Photo,
    *,
    photo_id: str,
    sampled_from: tuple[int, int, int],
    files: tuple[str, str | None, str | None, str],
    target: str | None,
) -> PhotoTruth:
    """Collect a photo's truth.

    Args:
        photo: the photo.
        photo_id: name of its files.
        sampled_from: seed, record number and page number.
        files: image, mask, masks of leads and signal.
        target: ``mi``, ``normal``, ``other`` or None.
    """
    spec, record = photo.page.spec, photo.page.record
    geometry, error_px = coarse_geometry(photo.camera)
    return PhotoTruth(
        format=FORMAT,
        id=photo_id,
        seed=sampled_from[0],
        record_number=sampled_from[1],
        page_number=sampled_from[2],
        image=files[0],
        mask=files[1],
        leads=files[2],
        signal=files[3],
        record=RecordFacts(
            record.record_id,
            record.patient_id,
            record.source,
            record.fold,
            record.labels,
            target,
            record.age_years,
            record.sex,
        ),
        strength=photo.spec.strength,
        effects=photo.spec.effects(),
        layout=spec.layout,
        order=spec.order,
        speed_mm_per_s=spec.speed_mm_per_s,
        gain_mm_per_mv=spec.gain_mm_per_mv,
        simultaneous=spec.simultaneous,
        photo_size=photo.spec.camera.photo_size,
        page_size_mm=(spec.width_mm, spec.height_mm),
        pixels_per_mm=round(geometry.pixels_per_mm(), 4),
        page_corners=photo.camera.photo_from_page(
            _corners(0.0, 0.0, spec.width_mm, spec.height_mm)
        ),
        grid_points=_grid_points(photo),
        photo_from_page=geometry,
        geometry_error_px=round(error_px, 4),
        stretches=_stretches(photo),
        pulses=tuple(_mapped(photo, photo.page.pulses)),
        words=tuple(
            WordTruth(word.text, word.lead, quad)
            for word, quad in zip(
                photo.page.texts,
                _mapped(photo, [_corners(*word.box_mm) for word in photo.page.texts]),
                strict=True,
            )
        ),
        page_spec=spec,
        photo_spec=photo.spec,
    )


def _mapped(photo: Photo, lines_mm: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Page lines in photo pixels, mapped at once."""
    if not lines_mm:
        return []
    ends = np.cumsum([len(line) for line in lines_mm])[:-1]
    return np.split(photo.camera.photo_from_page(np.concatenate(lines_mm)), ends)


def _grid_points(photo: Photo) -> NDArray[np.float64]:
    grid = photo.page.spec.grid
    if not grid.major_width_mm:
        return np.empty((0, 0, 2))
    crossings = []
    for left, top, right, bottom in grid.boxes_mm:
        x = np.arange(left, right + 1e-6, MAJOR_GRID_MM)
        y = np.arange(top, bottom + 1e-6, MAJOR_GRID_MM)
        crossings.append(photo.camera.photo_from_page(np.stack(np.meshgrid(x, y), axis=-1)))
    if len(crossings) == 1:
        return crossings[0]
    return np.concatenate([points.reshape(1, -1, 2) for points in crossings], axis=1)


def _stretches(photo: Photo) -> tuple[StretchTruth, ...]:
    spec = photo.page.spec
    page_size, photo_size = (spec.width_mm, spec.height_mm), photo.spec.camera.photo_size
    stretches = []
    lines = _mapped(photo, [trace.points_mm for trace in photo.page.traces])
    for trace, printed, points in zip(photo.page.traces, spec.printed_leads(), lines, strict=True):
        if not len(points):
            continue
        seen = ((trace.points_mm >= 0) & (trace.points_mm <= page_size)).all(axis=-1)
        seen &= ((points >= -0.5) & (points <= np.array(photo_size) - 0.5)).all(axis=-1)
        stretches.append(
            StretchTruth(
                lead=trace.lead,
                sign=trace.sign,
                row=trace.row,
                column=trace.column,
                start_s=printed.start_s,
                duration_s=printed.duration_s,
                is_rhythm=trace.is_rhythm,
                visible=round(float(seen.mean()), 4),
                photo_points=points,
            )
        )
    return tuple(stretches)


def coarse_geometry(camera: Camera) -> tuple[PageGeometry, float]:
    """The sparsest lattice, cut to the page, that is good to ``GEOMETRY_ERROR_PX``.

    Returns:
        The lattice, rounded as it is stored, and its largest error on the page in pixels.
    """
    dense = camera.geometry
    width, height = camera.page_size_mm
    margin = round(-dense.origin_mm[0] / dense.step_mm)
    span_x, span_y = (int(np.ceil(side / dense.step_mm)) for side in (width, height))
    # Both maps are bilinear between the dense points, so they differ most at those.
    inner = dense.photo_points[margin : margin + span_y + 1, margin : margin + span_x + 1]
    at = np.stack(np.meshgrid(np.arange(span_x + 1), np.arange(span_y + 1)), -1) * dense.step_mm
    for factor in _FACTORS:
        first = margin - factor
        columns = first + factor * np.arange(-(-span_x // factor) + 3)
        rows = first + factor * np.arange(-(-span_y // factor) + 3)
        columns = columns[columns < dense.photo_points.shape[1]]
        rows = rows[rows < dense.photo_points.shape[0]]
        points = np.round(dense.photo_points[np.ix_(rows, columns)], ARRAY_DECIMALS)
        origin = -factor * dense.step_mm
        coarse = PageGeometry(points, factor * dense.step_mm, (origin, origin), 0.0)
        error = np.linalg.norm(coarse.photo_from_page(at) - inner, axis=-1).max()
        if error <= GEOMETRY_ERROR_PX:
            break
    return coarse, float(error)


def printed_signal(page: Page) -> Record:
    """The record as the page shows it: finite in the printed windows only.

    It is as long as a full row; a lead that is printed twice has both windows.
    """
    spec, record = page.spec, page.record
    length = round(spec.duration_s * record.rate_hz)
    signal = np.full((12, length), np.nan, np.float32)
    for printed in spec.printed_leads():
        first = round(printed.start_s * record.rate_hz)
        stop = min(first + round(printed.duration_s * record.rate_hz), record.n_samples, length)
        row = LEAD_INDEX[printed.lead]
        signal[row, first:stop] = spec.clipped(record.signal_mv[row, first:stop])
    return Record(
        signal,
        record.rate_hz,
        record.record_id,
        record.patient_id,
        record.source,
        record.fold,
        record.labels,
        record.age_years,
        record.sex,
    )


def truth_json(truth: PhotoTruth) -> bytes:
    """A truth as JSON; arrays are rounded to a hundredth of a pixel."""
    return orjson.dumps(to_plain(truth), option=_JSON)


def read_truth(file: str | Path | bytes) -> PhotoTruth:
    """Read a truth from its file or bytes.

    Raises:
        ValueError: if it is of another format.
    """
    raw = file if isinstance(file, bytes) else Path(file).read_bytes()
    data = orjson.loads(raw)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        place = "this" if isinstance(file, bytes) else file
        raise ValueError(f"{place} is no {FORMAT!r}")
    return from_plain(PhotoTruth, data)


def _corners(left: float, top: float, right: float, bottom: float) -> NDArray[np.float64]:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
