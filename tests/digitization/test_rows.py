"""Rows read in strips: what comes near the border of a strip, and what goes beyond."""

import numpy as np
import pytest

from digitization import rows
from digitization.flat import flat_geometry
from digitization.page_seen import PageSeen, RowSeen
from digitization.rows import COLUMNS_PER_MM, PIXELS_PER_MM, read_rows

LEVEL_MM, LEFT_MM, RIGHT_MM, PEAK_MM = 100.0, 20.0, 120.0, 60.0


class SteepWave:
    """A trace look that sees a flat line with one wave, and nothing where that leaves the strip."""

    def __init__(self, height_mm: float) -> None:
        self.height_mm = height_mm
        self.strips_mm: list[tuple[float, float]] = []

    def true_mm(self, x_mm: np.ndarray) -> np.ndarray:
        """Heights of the true trace."""
        return LEVEL_MM - self.height_mm * np.clip(1 - np.abs(x_mm - PEAK_MM), 0, None)

    def see_trace(self, strip: np.ndarray) -> np.ndarray:
        rows, columns = strip.shape[:2]
        self.strips_mm.append((rows / PIXELS_PER_MM, columns / COLUMNS_PER_MM))
        # The picture is as bright as it is far from the left, in millimetres.
        middle_mm = strip[:, :, 0].mean()
        x_mm = middle_mm + (np.arange(columns) - (columns - 1) / 2) / COLUMNS_PER_MM
        top_mm = LEVEL_MM - rows / PIXELS_PER_MM / 2
        at = np.round((self.true_mm(x_mm) - top_mm) * PIXELS_PER_MM).astype(int)
        seen = (at >= 0) & (at < rows) & (x_mm >= LEFT_MM) & (x_mm <= RIGHT_MM)
        out = np.zeros((rows + 1, columns), np.float32)
        out[np.where(seen, at, rows), np.arange(columns)] = 1
        return out


@pytest.mark.parametrize(
    ("height_mm", "strips_mm"),
    [(10.0, [(48.0, 128)]), (22.0, [(48.0, 128)]), (38.0, [(48.0, 128), (96.0, 26)])],
)
def test_steep_waves_are_read_to_their_peak(height_mm, strips_mm):
    look = SteepWave(height_mm)
    row = RowSeen(LEVEL_MM, LEFT_MM, RIGHT_MM)
    photo = np.empty((800, 600, 3), np.uint8)
    photo[:] = np.round((np.arange(600) + 0.5) * 0.25)[:, None]
    seen = PageSeen((), (row,), ())
    trace = read_rows(photo, flat_geometry((600, 800), 0.25), seen, look)[row]
    # A tall strip shows the wave alone, not all of the row.
    np.testing.assert_allclose(look.strips_mm, strips_mm, atol=1.5)
    inside = (trace.x_mm > LEFT_MM + 1) & (trace.x_mm < RIGHT_MM - 1)
    # Half a column beside it, the steepest wave is 1.6 mm lower.
    np.testing.assert_allclose(trace.y_mm[inside], look.true_mm(trace.x_mm[inside]), atol=1.8)


def test_two_waves_that_go_beyond_share_a_strip_where_they_are_near():
    apart = np.zeros(600, bool)
    apart[[200, 460]] = True
    near = np.zeros(600, bool)
    near[[200, 400]] = True
    beside = round(10 * COLUMNS_PER_MM)
    assert rows._stretches(apart) == [
        slice(200 - beside, 201 + beside),
        slice(460 - beside, 461 + beside),
    ]
    assert rows._stretches(near) == [slice(200 - beside, 401 + beside)]
    assert rows._stretches(np.zeros(600, bool)) == []
