"""The truth of one photo: what is needed to score every later stage, and to remake the photo."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataset_generation.camera import Camera
from dataset_generation.page import Page
from dataset_generation.page_spec import PageSpec
from dataset_generation.photo import Photo, PhotoSpec
from dataset_generation.plain_data import ARRAY_DECIMALS, from_plain, to_plain
from ecg.formats.atomic import atomic_path
from ecg.formats.wfdb_format import read_wfdb
from ecg.leads import LEAD_INDEX
from ecg.page_geometry import PageGeometry
from ecg.record import Record

FORMAT = "ecgphoto PTB-V truth 1"
GEOMETRY_ERROR_PX = 0.1
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
        image, mask, signal: files, from the data set's folder; ``signal`` is a WFDB record.
        record: whose ECG it is.
        strength: how much the camera did.
        layout, order: how the leads are arranged.
        speed_mm_per_s, gain_mm_per_mv: paper speed and gain.
        simultaneous: whether columns show the same seconds.
        photo_size: width and height.
        page_size_mm: width and height.
        pixels_per_mm: median scale: one small square of the grid in pixels.
        page_corners: ``(4, 2)`` from the left top clockwise on the page.
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
    signal: str
    record: RecordFacts
    strength: str
    layout: str
    order: str
    speed_mm_per_s: float
    gain_mm_per_mv: float
    simultaneous: bool
    photo_size: tuple[int, int]
    page_size_mm: tuple[float, float]
    pixels_per_mm: float
    page_corners: NDArray[np.float64]
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
    files: tuple[str, str | None, str],
    target: str | None,
) -> PhotoTruth:
    """Collect a photo's truth.

    Args:
        photo: the photo.
        photo_id: name of its files.
        sampled_from: seed, record number and page number.
        files: image, mask and signal, from the data set's folder.
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
        signal=files[2],
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
        photo_from_page=geometry,
        geometry_error_px=round(error_px, 4),
        stretches=_stretches(photo),
        pulses=tuple(photo.camera.photo_from_page(pulse) for pulse in photo.page.pulses),
        words=tuple(
            WordTruth(word.text, word.lead, photo.camera.photo_from_page(_corners(*word.box_mm)))
            for word in photo.page.texts
        ),
        page_spec=spec,
        photo_spec=photo.spec,
    )


def _stretches(photo: Photo) -> tuple[StretchTruth, ...]:
    spec = photo.page.spec
    page_size, photo_size = (spec.width_mm, spec.height_mm), photo.spec.camera.photo_size
    stretches = []
    for trace, printed in zip(photo.page.traces, spec.printed_leads(), strict=True):
        if not len(trace.points_mm):
            continue
        points = photo.camera.photo_from_page(trace.points_mm)
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


def write_truth(truth: PhotoTruth, path: Path) -> None:
    """Write a truth as JSON; NaN is refused."""
    text = json.dumps(to_plain(truth), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_truth(path: str | Path) -> PhotoTruth:
    """Read ``truth/<id>.json``.

    Raises:
        ValueError: if the file is of another format.
    """
    data = json.loads(Path(path).read_text(encoding="utf-8"))
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"{path} is no {FORMAT!r}")
    return from_plain(PhotoTruth, data)


def read_photo_spec(path: str | Path) -> tuple[PageSpec, PhotoSpec]:
    """Read what was sampled for one photo from ``truth/<id>.json``."""
    truth = read_truth(path)
    return truth.page_spec, truth.photo_spec


def remake_photo(path: str | Path) -> Photo:
    """Make a photo of a data set again from ``truth/<id>.json`` and the signal beside it.

    Example::

        photo = remake_photo("out/ptb-v/truth/00123-0.json")
        image = photo.take()            # the pixels of images/00123-0.jpg
    """
    page_spec, photo_spec = read_photo_spec(path)
    path = Path(path)
    record = read_wfdb(path.parent.parent / "signals" / path.stem)
    return Photo(Page(page_spec, record), photo_spec)


def _corners(left: float, top: float, right: float, bottom: float) -> NDArray[np.float64]:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
