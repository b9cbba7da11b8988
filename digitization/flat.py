"""A flat picture of known scale: a page that needs no grid."""

from __future__ import annotations

import numpy as np

from digitization.grid import BORDER_MM
from ecg.page_geometry import PageGeometry
from ecg.paper import MAJOR_GRID_MM
from ecg.reading import PageRejected

_PAGE_MM = (20.0, 650.0)


def flat_geometry(
    size: tuple[int, int], mm_per_px: float, clockwise_degrees: float = 0.0
) -> PageGeometry:
    """The map of a picture that shows the page flat.

    Args:
        size: width and height of the picture in pixels.
        mm_per_px: its scale.
        clockwise_degrees: by how much the page is turned about the middle of the picture.

    Raises:
        PageRejected: no page is as large or as small as the picture would be.
    """
    width_mm, height_mm = (side * mm_per_px for side in size)
    if max(width_mm, height_mm) > _PAGE_MM[1] or min(width_mm, height_mm) < _PAGE_MM[0]:
        raise PageRejected(
            f"At {mm_per_px:g} mm per pixel the picture shows {width_mm:.0f} x {height_mm:.0f} "
            "mm, which is no page; give its true scale with --mm-per-px.",
            "grid",
        )
    columns, rows = (
        int(np.ceil((side + 2 * BORDER_MM) / MAJOR_GRID_MM)) + 1 for side in (width_mm, height_mm)
    )
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    page_mm = np.stack([x, y], axis=-1) * MAJOR_GRID_MM - BORDER_MM
    # The first pixel's centre lies half a pixel within the picture.
    points = page_mm / mm_per_px - 0.5
    middle = np.array(size) / 2 - 0.5
    turn = np.deg2rad(clockwise_degrees)
    along, down = (np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))
    points = middle + (points - middle) @ np.array([along, down])
    return PageGeometry(points, MAJOR_GRID_MM, (-BORDER_MM, -BORDER_MM))
