"""Paper whose lines are all alike."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from digitization.fine_lines import respaced
from ecg.page_geometry import PageGeometry

_SIZE = (1200, 900)


def paper(
    pitch_px: tuple[float, float], bold_every: int = 1, corner: tuple[float, float] = (60.3, 40.8)
) -> NDArray[np.uint8]:
    """White paper with grey lines ``pitch_px`` apart, soft as a scan has them."""
    covers = []
    for length, pitch, first in zip(_SIZE, pitch_px, corner, strict=True):
        place = (np.arange(length) - first) / pitch
        off_px = np.abs(place - np.round(place)) * pitch
        bold = np.where(np.round(place) % bold_every == 0, 1.0, 0.45)
        covers.append(bold * np.clip(1.2 - off_px, 0, 1) * (place > -0.5))
    ink = np.maximum(covers[0][None, :], covers[1][:, None])
    noise = np.random.default_rng(5).normal(0, 3, ink.shape)
    grey = np.clip(250 - 110 * ink + noise, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def flat(
    px_per_mm: tuple[float, float],
    size_mm: tuple[float, float],
    corner: tuple[float, float] = (60.3, 40.8),
) -> PageGeometry:
    """A map with its first line at the corner, four cells beyond the lines, as found ones have."""
    columns, rows = (round(mm / 5) + 9 for mm in size_mm)
    x, y = np.meshgrid(np.arange(columns) * 5.0 - 20, np.arange(rows) * 5.0 - 20)
    points = np.stack([corner[0] + x * px_per_mm[0], corner[1] + y * px_per_mm[1]], axis=-1)
    return PageGeometry(points, 5.0, (-20.0, -20.0))


@pytest.mark.parametrize("wrongly", [1.29, 0.6])
def test_lines_that_are_all_alike_become_a_millimetre_apart(wrongly: float) -> None:
    true_px = (4.68, 4.68)
    wrong = flat((true_px[0] * wrongly, true_px[1] * wrongly * 1.01), (150, 110))
    found = respaced(paper(true_px), wrong)
    assert found.pixels_per_mm() == pytest.approx(true_px[0], rel=5e-4)
    corners = found.photo_from_page(np.array([[0.0, 0.0], [100.0, 0.0], [100.0, 100.0]]))
    lines = (corners - (60.3, 40.8)) / true_px
    assert np.abs(lines - np.round(lines)).max() < 0.05
    across = (corners[1] - corners[0]) / true_px
    assert across == pytest.approx((100.0, 0.0), abs=0.05)


def test_a_map_whose_steps_are_whole_lines_off_is_mended() -> None:
    true_px = (6.0, 6.0)
    wrong = flat((7.8, 7.8), (120, 90))
    points = wrong.photo_points.copy()
    points[12:, :, 1] += 7.0  # as where false lines were joined
    found = respaced(paper(true_px), PageGeometry(points, 5.0, (-20.0, -20.0)))
    assert found.pixels_per_mm() == pytest.approx(6.0, rel=1e-3)
    assert found.residual_mm < 0.05


@pytest.mark.parametrize("bold_every", [1, 5])
def test_a_map_that_is_right_stays_as_it_is(bold_every: int) -> None:
    right = flat((6.0, 6.0), (150, 110))
    assert respaced(paper((6.0, 6.0), bold_every), right) is right


def test_paper_of_5_mm_lines_stays_as_it_is() -> None:
    right = flat((6.0, 6.0), (150, 110))
    assert respaced(paper((30.0, 30.0)), right) is right


def test_lines_of_one_axis_alone_or_of_oblongs_change_nothing() -> None:
    wrong = flat((7.8, 7.8), (120, 90))
    stripes = paper((6.0, 6.0)).min(axis=0, keepdims=True)
    assert respaced(np.repeat(stripes, _SIZE[1], axis=0), wrong) is wrong
    assert respaced(paper((6.0, 4.9)), wrong) is wrong


def test_a_page_too_small_to_tell_or_blank_stays_as_it_is() -> None:
    small = flat((7.8, 7.8), (30, 20))
    assert respaced(paper((6.0, 6.0)), small) is small
    coarse = flat((0.5, 0.5), (1500, 1200))
    assert respaced(paper((6.0, 6.0)), coarse) is coarse
    blank = np.full((900, 1200, 3), 240, np.uint8)
    wrong = flat((7.8, 7.8), (120, 90))
    assert respaced(blank, wrong) is wrong


def test_a_map_that_went_wrong_along_one_axis_alone_is_mended() -> None:
    true_px = (6.0, 6.0)
    wrong = flat((6.0, 5.5), (150, 110))
    found = respaced(paper(true_px), wrong)
    corners = found.photo_from_page(np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]]))
    assert corners[1] - corners[0] == pytest.approx((600.0, 0.0), abs=0.3)
    assert corners[2] - corners[0] == pytest.approx((0.0, 600.0), abs=0.3)
