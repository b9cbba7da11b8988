"""A flat picture of known scale is a page without looking for its grid."""

import numpy as np
import pytest

from digitization.flat import flat_geometry
from digitization.grid import BORDER_MM
from digitization.read_page import ReadOptions
from ecg.reading import PageRejected


def test_millimetres_and_pixels_agree():
    geometry = flat_geometry((2200, 1700), 0.127)
    corners = np.array([[0.0, 0.0], [2200 * 0.127, 1700 * 0.127]])
    np.testing.assert_allclose(
        geometry.photo_from_page(corners), [[-0.5, -0.5], [2199.5, 1699.5]], atol=1e-6
    )
    left, top, right, bottom = geometry.extent_mm
    assert (left, top) == (-BORDER_MM, -BORDER_MM)
    assert right >= 2200 * 0.127 + BORDER_MM
    assert bottom >= 1700 * 0.127 + BORDER_MM
    assert geometry.pixels_per_mm() == pytest.approx(1 / 0.127)


@pytest.mark.parametrize("scale", [0.0, -0.1, float("nan"), 3.0, 1e-4])
def test_absurd_scales_are_refused(scale):
    with pytest.raises(ValueError, match="mm per pixel must be between"):
        ReadOptions(mm_per_px=scale)


def test_a_page_of_metres_is_refused():
    with pytest.raises(PageRejected, match="--mm-per-px"):
        flat_geometry((4000, 3000), 0.5)


@pytest.mark.slow
def test_a_flat_page_without_a_grid_is_read_by_its_scale():
    from dataclasses import replace

    from dataset_generation.page import Page
    from dataset_generation.photo import Photo
    from digitization.read_page import read_page
    from segmentation.looks import Looks
    from tests.digitization.perfect_looks import photograph

    photo = photograph("3x4+1", "clean", 3, 6.0)
    spec = photo.page.spec
    blank = replace(spec.grid, major_width_mm=0.0, minor_width_mm=0.0, frame=False)
    page = Page(replace(spec, grid=blank), photo.page.record)
    picture = Photo(page, photo.spec).take()
    options = ReadOptions(mm_per_px=spec.width_mm / picture.shape[1])
    reading = read_page(picture, Looks.load(), options)
    assert (reading.layout, reading.speed_mm_per_s, reading.gain_mm_per_mv) == ("3x4+1", 25, 10)
    truth = page.record.signal_mv[0, 100:1000]
    read = reading.signal_mv[0, 100:1000]
    both = np.isfinite(read)
    assert both.mean() > 0.95
    assert np.corrcoef(truth[both], read[both])[0, 1] > 0.95
