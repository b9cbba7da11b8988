"""The page that ecg-image-kit draws by default: 3x4+1 on letter paper, names under the trace."""

from __future__ import annotations

import numpy as np

from dataset_generation.page_spec import GridStyle, PageSpec, Rgb, TextItem

_FONT = "DejaVuSans"
_INKS: tuple[tuple[Rgb, Rgb], ...] = (
    ((205, 70, 70), (252, 222, 219)),  # red
    ((109, 50, 47), (150, 107, 101)),  # brown
    ((255, 203, 221), (254, 237, 248)),  # pink
    ((0, 0, 102), (0, 0, 178)),  # blue
    ((0, 77, 0), (0, 204, 77)),  # green
)


def kit_page(rng: np.random.Generator) -> PageSpec:
    """The preset ``ecg-image-kit``: sizes measured on its pictures, header and colours drawn.

    Source: alphanumericslab/ecg-image-kit (BSD-3-Clause), its default page at 200 dpi.
    """
    width, height = 279.4, 215.9
    major, minor = _INKS[int(rng.choice(len(_INKS), p=[0.6, 0.1, 0.1, 0.1, 0.1]))]
    year, month, day = rng.integers(1984, 2002), rng.integers(1, 13), rng.integers(1, 29)
    lines = (
        (f"ID: {rng.integers(1, 22000):05d}_hr", 1.3, 3.3),
        (f"Age: {rng.integers(18, 95)} yrs", 1.3, 8.4),
        (f"Sex: {'Male' if rng.random() < 0.5 else 'Female'}", 1.3, 13.4),
        ("Name:", 76.2, 3.3),
        (f"Date: {year}-{month:02d}-{day:02d}, {rng.integers(24):02d}:12:09", 151.3, 3.3),
        ("25mm/s", 50.0, 208.3),
        ("10mm/mV", 100.1, 208.3),
    )
    return PageSpec(
        width_mm=width,
        height_mm=height,
        layout="3x4+1",
        order="standard",
        speed_mm_per_s=25.0,
        gain_mm_per_mv=10.0,
        duration_s=10.0,
        simultaneous=False,
        rhythm_leads=("II", "V1", "V5"),
        strip_lead="II",
        row_y_mm=(90.4, 126.2, 162.0, 195.3),
        column_x_mm=(15.0, 77.5, 140.0, 202.5),
        offset_mv=(0.0,) * 12,
        grid=GridStyle((0.0, 0.0, width, height), major, minor, 0.16, 0.08, frame=True),
        trace_rgb=(0, 0, 0),
        text_rgb=(0, 0, 0),
        trace_width_mm=0.22,
        pulse="start",
        pulse_width_mm=5.0,
        pulse_foot_mm=0.0,
        separator="bar",
        separator_width_mm=0.7,
        name_font=_FONT,
        name_height_mm=2.6,
        name_dx_mm=0.0,
        name_dy_mm=3.6,
        texts=tuple(TextItem(text, x, y, 2.6, _FONT) for text, x, y in lines),
    )
