"""A page of which too little is seen is looked at again, its contrast evened or turned over."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

import digitization.read_page as reader
from digitization.contrast import even_contrast, looks_again
from digitization.no_grid import TEN_SECONDS
from ecg.reading import PageRejected
from tests.digitization.perfect_looks import photograph, read_perfectly


def _ruled(dark: float) -> np.ndarray:
    """White paper with faint lines, its right half in the shade."""
    paper = np.full((400, 600, 3), 230.0)
    paper[::20] -= 25
    paper += np.random.default_rng(0).normal(0, 5, (400, 600, 1))
    paper[:, 300:] *= dark
    return np.clip(paper, 0, 255).astype(np.uint8)


def test_lines_in_the_shade_come_out_and_colours_stay():
    even = even_contrast(_ruled(0.3))
    assert even.shape == (400, 600, 3)
    assert even.dtype == np.uint8

    def contrast(picture: np.ndarray, left: int) -> float:
        part = picture[100:300, left : left + 200].astype(float).mean(axis=(1, 2))
        return float(part.max() - part.min())

    assert contrast(even, 350) > 2.5 * contrast(_ruled(0.3), 350)
    assert np.ptp(even.astype(int), axis=2).max() <= 3


def _reader_that_sees_only(monkeypatch: pytest.MonkeyPatch, seen: Any, stage: str) -> list[Any]:
    photos: list[Any] = []

    def read(photo: Any, looks: Any, options: Any) -> Any:
        photos.append(photo)
        if len(photos) == 1 or seen is None:
            raise PageRejected(f"refused {len(photos)}", stage)
        return seen

    monkeypatch.setattr(reader, "_read", read)
    monkeypatch.setattr(reader, "find_flat", lambda photo, looks: None)
    return photos


def test_an_unseen_page_is_read_again_and_says_so(monkeypatch):
    page = read_perfectly(photograph("3x4", "clean", 1), monkeypatch)
    assert "contrast" not in page.evidence
    photos = _reader_that_sees_only(monkeypatch, page, "grid")
    found = reader.read_page(_ruled(0.3), cast("Any", None))
    assert found.evidence["contrast"] == "evened"
    np.testing.assert_array_equal(photos[1], even_contrast(_ruled(0.3)))


def test_light_traces_on_a_dark_screen_are_turned_over(monkeypatch):
    page = read_perfectly(photograph("3x4", "clean", 1), monkeypatch)
    screen = (255 - _ruled(1.0)).astype(np.uint8)
    photos = _reader_that_sees_only(monkeypatch, page, "layout")
    found = reader.read_page(screen, cast("Any", None))
    assert found.evidence["contrast"] == "inverted"
    np.testing.assert_array_equal(photos[1], 255 - screen)
    assert [name for name, _ in looks_again(screen)] == ["inverted", "evened"]
    assert [name for name, _ in looks_again(_ruled(0.3))] == ["evened", "inverted"]
    assert [name for name, _ in looks_again(_ruled(1.0))] == ["evened"]


@pytest.mark.parametrize(("stage", "tries"), [("grid", 3), ("layout", 3), ("quality", 1)])
def test_the_first_reason_is_told(monkeypatch, stage, tries):
    photos = _reader_that_sees_only(monkeypatch, None, stage)
    with pytest.raises(PageRejected, match="refused 1") as refusal:
        reader.read_page(_ruled(0.3), cast("Any", None))
    assert refusal.value.stage == stage
    assert len(photos) == tries


@pytest.mark.parametrize("names_score", [-0.1, 2.0])
def test_a_table_whose_lines_agree_by_chance_is_no_page(names_score, monkeypatch):
    page = read_perfectly(photograph("3x4", "clean", 1), monkeypatch)
    layout = {**page.evidence["layout"], "names_score": names_score}
    nameless = replace(page, evidence={**page.evidence, "layout": layout})
    _reader_that_sees_only(monkeypatch, nameless, "layout")
    with pytest.raises(PageRejected, match="refused 1"):
        reader.read_page(_ruled(0.3), cast("Any", None))
    _reader_that_sees_only(monkeypatch, nameless, "layout")
    by_hand = reader.ReadOptions(layout="3x4")
    assert reader.read_page(_ruled(0.3), cast("Any", None), by_hand).layout == "3x4"


@pytest.mark.parametrize("least", [0.2, 0.95])
def test_a_flat_page_without_a_grid_must_be_read_well(least, monkeypatch):
    page = read_perfectly(photograph("3x4", "clean", 1), monkeypatch)
    flat = SimpleNamespace(geometry=page.geometry, evidence={"source": "calibration pulse"})

    def read(photo: Any, looks: Any, options: Any, geometry: Any = None) -> Any:
        if geometry is None:
            raise PageRejected("No ECG grid was found.", "grid")
        assert geometry is flat.geometry
        if options.min_quality > 0.92:
            raise PageRejected("The page was read too uncertainly.", "quality")
        assert options.min_quality == 0.9
        return page

    monkeypatch.setattr(reader, "_read", read)
    monkeypatch.setattr(reader, "find_flat", lambda photo, looks: flat)
    options = reader.ReadOptions(min_quality=least)
    if least < 0.9:
        found = reader.read_page(_ruled(0.3), cast("Any", None), options)
        assert found.evidence["scale"] == flat.evidence
        return
    with pytest.raises(PageRejected, match=r"no grid, and .* without one: The page was read"):
        reader.read_page(_ruled(0.3), cast("Any", None), options)
    by_scale = reader.ReadOptions(mm_per_px=0.1)
    with pytest.raises(PageRejected, match=r"^No ECG grid was found"):
        reader.read_page(_ruled(0.3), cast("Any", None), by_scale)


@pytest.mark.parametrize("only_evened", [False, True])
@pytest.mark.parametrize(("quality", "reads_flat"), [(0.5, True), (0.5, False), (0.8, True)])
def test_a_page_read_in_doubt_is_taken_for_one_without_a_grid(
    quality, reads_flat, only_evened, monkeypatch
):
    page = read_perfectly(photograph("3x4", "clean", 1), monkeypatch)
    doubtful = replace(page, quality=quality)
    flat = SimpleNamespace(geometry=page.geometry, evidence={"source": "calibration pulse"})
    picture = _ruled(0.3)

    def read(photo: Any, looks: Any, options: Any, geometry: Any = None) -> Any:
        if geometry is not None and not reads_flat:
            raise PageRejected("The page was read too uncertainly.", "quality")
        if only_evened and geometry is None and photo is picture:
            raise PageRejected("No ECG grid was found.", "grid")
        return doubtful if geometry is None else page

    monkeypatch.setattr(reader, "_read", read)
    monkeypatch.setattr(reader, "find_flat", lambda photo, looks: flat)
    if only_evened and quality < 0.6 and not reads_flat:
        # Lines that only another contrast shows, and that are read in doubt, may be no grid.
        with pytest.raises(PageRejected, match="could not be read without one"):
            reader.read_page(picture, cast("Any", None))
        return
    found = reader.read_page(picture, cast("Any", None))
    assert ("scale" in found.evidence) == (quality < 0.6 and reads_flat)
    assert found.quality == (page.quality if "scale" in found.evidence else quality)


def test_a_page_that_is_taken_to_show_ten_seconds_is_read_with_a_doubt(monkeypatch):
    page = read_perfectly(photograph("3x4", "clean", 1), monkeypatch)
    flat = SimpleNamespace(geometry=page.geometry, evidence={"source": TEN_SECONDS})

    def read(photo: Any, looks: Any, options: Any, geometry: Any = None) -> Any:
        if geometry is None:
            raise PageRejected("No ECG grid was found.", "grid")
        return page

    monkeypatch.setattr(reader, "_read", read)
    monkeypatch.setattr(reader, "find_flat", lambda photo, looks: flat)
    found = reader.read_page(_ruled(0.3), cast("Any", None))
    assert found.quality == pytest.approx(0.7 * page.quality, abs=0.001)
    asked = reader.ReadOptions(min_quality=0.8)
    with pytest.raises(PageRejected, match=r"too uncertainly \(quality 0\.\d+, needed 0\.80\)"):
        reader.read_page(_ruled(0.3), cast("Any", None), asked)
