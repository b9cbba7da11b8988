"""A page drawn here and a reader that knows where everything on it is."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ecg.leads import LEADS, derive_limb_leads
from ecg.page_geometry import PageGeometry
from ecg.paper import LAYOUTS
from ecg.reading import PageRejected, Reading, Trace

PIXELS_PER_MM = 4.0
RATE_HZ = 500.0
BEATS_PER_MINUTE = 72.0


def beats_mv(seconds: float = 10.0, bpm: float = BEATS_PER_MINUTE) -> NDArray[np.float32]:
    """``(12, samples)``: P, QRS and T as bells, limb leads by their identities."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase = np.mod(time + 0.3, 60 / bpm)

    def bell(centre_s: float, width_s: float) -> NDArray[np.float64]:
        return np.exp(-(((phase - centre_s) / width_s) ** 2))

    beat = 0.1 * bell(0.15, 0.03) + 1.0 * bell(0.32, 0.012) + 0.25 * bell(0.55, 0.05)
    signal = np.full((12, len(time)), np.nan, np.float32)
    signal[0], signal[1] = 0.6 * beat, 0.9 * beat
    signal = derive_limb_leads(signal)
    for lead in range(6, 12):
        signal[lead] = beat * (0.3 + 0.15 * lead) * (-1 if lead < 8 else 1)
    return signal


def printed_only(signal_mv: NDArray[np.float32], layout: str) -> NDArray[np.float32]:
    """NaN wherever the layout prints nothing."""
    shown = np.full_like(signal_mv, np.nan)
    for printed in LAYOUTS[layout].printed_leads():
        lead = LEADS.index(printed.lead)
        span = slice(
            round(printed.start_s * RATE_HZ),
            round((printed.start_s + printed.duration_s) * RATE_HZ),
        )
        shown[lead, span] = signal_mv[lead, span]
    return shown


def make_reading(layout: str = "3x4+1", signal_mv: NDArray[np.float32] | None = None) -> Reading:
    """A perfect reading of a page of 270 x 130 mm at 4 px/mm, moved by 20 px."""
    from ecg.lead_maps import draw_lead_maps

    whole = beats_mv() if signal_mv is None else signal_mv
    shown = printed_only(whole, layout)
    xs, ys = np.arange(0, 271, 5.0), np.arange(0, 131, 5.0)
    lattice = np.stack(np.meshgrid(xs, ys), axis=-1) * PIXELS_PER_MM + 20
    geometry = PageGeometry(lattice, step_mm=5.0, residual_mm=0.05)
    traces = []
    for printed in LAYOUTS[layout].printed_leads():
        lead = LEADS.index(printed.lead)
        start = round(printed.start_s * RATE_HZ)
        count = round(printed.duration_s * RATE_HZ)
        voltage = whole[lead, start : start + count]
        x_mm = 10 + (printed.column * printed.duration_s + np.arange(count) / RATE_HZ) * 25
        points_mm = np.stack([x_mm, 20 + 30 * printed.row - 10 * voltage], axis=1)
        points_mm = points_mm.astype(np.float64)
        traces.append(
            Trace(
                printed.lead,
                printed.row,
                printed.is_rhythm,
                printed.start_s,
                points_mm,
                geometry.photo_from_page(points_mm).astype(np.float64),
                np.full(count, 0.95, np.float32),
            )
        )
    return Reading(
        signal_mv=shown,
        confidence=np.where(np.isfinite(shown), 0.95, 0).astype(np.float32),
        layout=layout,
        speed_mm_per_s=25.0,
        gain_mm_per_mv=10.0,
        quality=0.93,
        traces=tuple(traces),
        geometry=geometry,
        lead_maps=draw_lead_maps(shown, RATE_HZ),
        evidence={"layout": {"score": np.float32(0.98), "runner_up": "3x4"}, "pulse": float("nan")},
    )


def draw_page(reading: Reading) -> NDArray[np.uint8]:
    """The page of :func:`make_reading` as a photo."""
    photo = np.full((570, 1130, 3), 255, np.uint8)
    for trace in reading.traces:
        points = np.rint(trace.photo_points).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(photo, [points], False, (20, 20, 30), 2, cv2.LINE_AA)
    return photo


@pytest.fixture
def reading() -> Reading:
    return make_reading()


@pytest.fixture
def page_photo(reading: Reading) -> NDArray[np.uint8]:
    return draw_page(reading)


@pytest.fixture
def make() -> Callable[..., Reading]:
    """``make_reading`` for tests that need other layouts or signals."""
    return make_reading


@pytest.fixture
def ecg_photo(tmp_path: Path, page_photo: NDArray[np.uint8]) -> Path:
    """A PNG of the page."""
    from PIL import Image

    path = tmp_path / "ward 3.png"
    Image.fromarray(page_photo).save(path)
    return path


@pytest.fixture
def stub_read(reading: Reading) -> Callable[[NDArray[np.uint8]], Reading]:
    """Reads the page of :func:`make_reading`; rejects a picture without dark ink."""

    def read(photo_rgb: NDArray[np.uint8]) -> Reading:
        if photo_rgb.min() > 100:
            raise PageRejected("No ECG was found: the picture shows no traces.", "page")
        return reading

    return read
