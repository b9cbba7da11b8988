"""Corners given by hand: the homography alone, and bent to the grid that is seen."""

import numpy as np
import pytest

from digitization.corners import geometry_from_corners
from ecg.page_parts import Corners
from ecg.probability_maps import ProbabilityMaps
from tests.digitization.perfect_looks import PerfectLooks, photograph

BOX_MM = np.array([[10, 10], [260, 10], [260, 180], [10, 180]], float)


@pytest.fixture(scope="module")
def bent_page():
    """A photo of a page that is not flat, and the page look that sees all of its grid."""
    photo = photograph("3x4+1", "hard_photo", 4)
    width, height = photo.spec.camera.photo_size
    seen = PerfectLooks(photo).see_page(np.zeros((height, width, 3), np.uint8), 0)
    return photo, seen


def corners_of(photo, box_mm, off_px=0.0):
    points = photo.camera.photo_from_page(box_mm)
    points = points + np.random.default_rng(0).uniform(-off_px, off_px, points.shape)
    width, height = np.ptp(box_mm, axis=0).tolist()
    told = {"photo_points": points.tolist(), "width_mm": width, "height_boxes": height / 5}
    return Corners.model_validate(told)


def inner_points(box_mm):
    low, high = box_mm.min(axis=0), box_mm.max(axis=0)
    sides = np.linspace(low, high, 12)[1:-1]
    x, y = np.meshgrid(sides[:, 0], sides[:, 1])
    return np.stack([x, y], axis=-1)


def error_mm(photo, geometry, box_mm):
    """How far the map is off, in the spacing of points rather than their place."""
    page = inner_points(box_mm)
    found = geometry.page_from_photo(photo.camera.photo_from_page(page))
    off = found - page
    return np.linalg.norm(off - np.median(off, axis=(0, 1)), axis=-1)


def without_grid(seen):
    return ProbabilityMaps(np.zeros_like(seen.values), seen.classes, seen.scale)


def test_the_grid_bends_the_map_and_mends_careless_corners(bent_page):
    photo, seen = bent_page
    box = BOX_MM * np.array([photo.page.spec.width_mm / 297, photo.page.spec.height_mm / 210])
    corners = corners_of(photo, np.round(box / 5) * 5, off_px=3.0)
    flat, none = geometry_from_corners(corners, lambda _: without_grid(seen))
    bent, crossings = geometry_from_corners(corners, lambda _: seen)
    box = np.round(box / 5) * 5
    assert none == 0
    assert crossings > 300
    assert np.quantile(error_mm(photo, bent, box), 0.9) < 0.3
    assert np.median(error_mm(photo, bent, box)) < 0.3 * np.median(error_mm(photo, flat, box))


def test_without_a_grid_the_corners_are_where_they_were_put(bent_page):
    photo, seen = bent_page
    corners = corners_of(photo, BOX_MM[:, ::1] * 0.7)
    geometry, _ = geometry_from_corners(corners, lambda _: without_grid(seen))
    width, height = corners.size_mm
    page = np.array([[0, 0], [width, 0], [width, height], [0, height]])
    np.testing.assert_allclose(geometry.photo_from_page(page), corners.photo_points, atol=0.5)


def test_the_look_is_taken_at_the_scale_that_the_corners_tell(bent_page):
    photo, seen = bent_page
    told = []

    def see(pixels_per_mm):
        told.append(pixels_per_mm)
        return without_grid(seen)

    geometry_from_corners(corners_of(photo, BOX_MM * 0.7), see)
    assert told[0] == pytest.approx(4.0, rel=0.3)
