"""Presets: what ships keeps to its ranges, what is misspelt is named; marks and copies."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dataset_generation.command import generate
from dataset_generation.light import copied
from dataset_generation.marks import Mark, draw_marks, sample_marks
from dataset_generation.options import GenerateOptions
from dataset_generation.page import Page
from dataset_generation.page_presets import page_of, page_preset_names
from dataset_generation.page_spec import load_page_preset, sample_page
from dataset_generation.photo import Photo, sample_photo
from dataset_generation.photo_preset import PhotoPreset, load_preset, preset_names
from dataset_generation.preset_file import Spread
from dataset_generation.stored import StoredDataset
from dataset_generation.truth import printed_signal
from ecg.record import Record

SIZE = (297.0, 210.0)


def test_the_presets_that_are_named_everywhere_ship() -> None:
    wanted = {"clean", "scan", "photo", "hard_photo", "screen", "photocopy", "fax", "ptbv_2022"}
    assert set(preset_names()) == wanted
    assert page_preset_names() == ("papers", "ptb-v", "ecg-image-kit")
    for name in preset_names():
        assert load_preset(name).summary


@pytest.mark.parametrize("name", preset_names())
def test_photo_to_page_to_photo_returns_within_a_quarter_pixel(name: str, record: Record) -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        page = page_of("ptb-v" if name == "ptbv_2022" else "papers", rng)
        size = (page.width_mm, page.height_mm)
        photo = Photo(Page(page, record), sample_photo(rng, size, name, 12.0))
        width, height = photo.spec.camera.photo_size
        x, y = np.meshgrid(np.linspace(0, width - 1, 41), np.linspace(0, height - 1, 31))
        there = np.stack([x, y], -1)
        found = photo.camera.page_from_photo(there)
        on_page = ((found >= 0) & (found <= size)).all(-1)
        assert on_page.any()
        away = np.linalg.norm(photo.camera.photo_from_page(found) - there, axis=-1)
        assert away[on_page].max() < 0.25


def test_what_a_preset_leaves_out_does_not_happen() -> None:
    for seed in range(30):
        photo = sample_photo(np.random.default_rng(seed), SIZE, "ptbv_2022", 5.0)
        assert set(photo.effects()) <= {"shadow"}
        assert photo.marks == ()
        assert not np.any(photo.camera.corner_shift)
        scan = sample_photo(np.random.default_rng(seed), SIZE, "scan", 5.0)
        assert set(scan.effects()) <= {"grey", "photocopy", "streaks"}


def test_every_effect_of_hard_photo_is_met() -> None:
    seen = set()
    for seed in range(300):
        seen |= set(sample_photo(np.random.default_rng(seed), SIZE, "hard_photo", 3.0).effects())
    assert seen >= {
        "quarter turn", "perspective", "lens", "curl", "folds", "crumple", "shadow", "glare",
        "motion", "moire", "grey", "photocopy", "fax", "fingers", "pen", "note", "highlighter",
        "stamp", "stain", "hole", "staple", "wear",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[rotation]\ndegrees = [0, 1]", "rotation.degrees is not known"),
        ("[rotation]\ndeg = [3, -3]", r"rotation.deg: 3 is above -3"),
        ("[rotation]\ndeg = { cauchy = [0, 1] }", r"rotation.deg must be \[low, high\]"),
        ("[stain]\nprobability = 2", "stain.probability must lie in 0 to 1"),
        ("rotation = 5", "rotation must be a section"),
        ("[rotation", "preset mine.toml"),
        ("[rotation]\ndeg = [nan, nan]", "rotation.deg must hold finite numbers"),
        ("[frame]\nkind = 'phon'", "frame.kind must be page, scan, phone"),
        ("[frame]\nsurfaces = ['marble']", "frame.surfaces must be some of"),
        ("[frame]\nsurfaces = []", "frame.surfaces must be some of"),
        ("[frame]\ndpi = [20000, 20000]", "frame.dpi must lie in 20 to 1200"),
        ("[frame]\nborder = 0.0", "frame.border must lie in 1 to 3"),
        ("[corners]\nshift = 5.0", "corners.shift must lie in 0 to 0.3"),
        ("[jpeg]\nquality = [500, 900]", "jpeg.quality must lie in 1 to 100"),
        ("[blur]\nsigma_mm = { beta = [-1, 2] }", "beta's numbers are above 0"),
        ("[noise]\nsigma = { normal = [0, -1] }", "a deviation is 0 or more"),
        ("[copy]\ngrey = 0", "copy: at least one share"),
    ],
)
def test_a_mistake_in_a_preset_is_named_with_its_place(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence):
        load_preset(str(path))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("start = 0.55", "middle = 0.55", "pulses.middle is not known; there are start"),
        ("none = 0.28", 'none = "often"', "pulses.none: a share is a number"),
        ("cabrera = 0.06", "cabrera = 7.0", "cabrera must lie in 0 to 1"),
        ("[speeds]\n25 = 0.94\n50 = 0.06\n", "", "lacks speeds"),
        ("0 = 0.75\n8 = 0.12\n6 = 0.05\n12 = 0.08", "0 = 0", "at least one share"),
    ],
)
def test_a_mistake_in_a_page_preset_is_named(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    from dataset_generation.preset_file import FOLDER

    text = (FOLDER / "pages" / "papers.toml").read_text()
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=sentence):
        load_page_preset(str(path))


def test_shares_that_are_a_list_are_refused_with_their_place(tmp_path: Path) -> None:
    from dataset_generation.preset_file import FOLDER

    text = (FOLDER / "pages" / "papers.toml").read_text()
    text = text.replace("[speeds]\n25 = 0.94\n50 = 0.06\n", "")
    path = tmp_path / "mine.toml"
    path.write_text('speeds = ["25"]\n' + text)
    with pytest.raises(ValueError, match="speeds must be a section of names and shares"):
        load_page_preset(str(path))


def test_own_presets_make_a_set_and_are_kept_with_it(tmp_path: Path) -> None:
    photo, pages = tmp_path / "desk.toml", tmp_path / "slow.toml"
    photo.write_text("[rotation]\ndeg = [40, 41]\n[jpeg]\nquality = [60, 60]\n")
    from dataset_generation.preset_file import FOLDER

    text = (FOLDER / "pages" / "papers.toml").read_text()
    pages.write_text(text.replace("25 = 0.94\n50 = 0.06", "50 = 1.0"))
    options = GenerateOptions(
        out=str(tmp_path / "set"), records=2, strengths=(str(photo),), pages=str(pages),
        pixels_per_mm=2.0, quiet=True,
    )  # fmt: skip
    assert generate(options).written == 2
    for sample in StoredDataset(tmp_path / "set"):
        assert 40 <= sample.truth.photo_spec.camera.rotation_deg <= 41
        assert sample.truth.speed_mm_per_s == 50
    kept = json.loads((tmp_path / "set" / "recipe.json").read_text())
    assert kept["recipe"]["page_preset"]["speeds"] == {"50": 1.0}
    assert kept["recipe"]["strengths"] == [["desk", 1.0]]
    photo.write_text("[rotation]\ndeg = [0, 1]\n")
    load_preset.cache_clear()
    with pytest.raises(ValueError, match="made with other options"):
        generate(options)


def test_unbounded_laws_are_cut_to_what_a_photo_can_be(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[jpeg]\nquality = { normal = [95, 300] }\n")
    quality = load_preset(str(path)).jpeg.quality
    drawn = [quality.count(np.random.default_rng(seed)) for seed in range(200)]
    assert min(drawn) == 1
    assert max(drawn) == 100


def test_laws_draw_what_they_say() -> None:
    rng = np.random.default_rng(0)
    drawn = {
        law: np.array([Spread(law, values).draw(rng) for _ in range(4000)])
        for law, values in {
            "uniform": (2.0, 3.0), "normal": (5.0, 0.5), "log_normal": (0.0, 0.2),
            "beta": (8.0, 25.0), "one_of": (1.0, 4.0),
        }.items()
    }  # fmt: skip
    assert 2 <= drawn["uniform"].min() < drawn["uniform"].max() <= 3
    assert drawn["normal"].mean() == pytest.approx(5, abs=0.05)
    assert np.log(drawn["log_normal"]).std() == pytest.approx(0.2, abs=0.02)
    assert drawn["beta"].mean() == pytest.approx(8 / 33, abs=0.01)
    assert set(drawn["one_of"]) == {1.0, 4.0}
    assert {Spread("uniform", (1.0, 3.0)).count(rng) for _ in range(100)} == {1, 2, 3}


def test_marks_change_the_page_where_they_lie_and_nowhere_else() -> None:
    every = replace(
        load_preset("hard_photo"),
        **{
            name: replace(getattr(load_preset("hard_photo"), name), probability=1.0)
            for name in ("handwriting", "highlighter", "stamp", "stain", "holes", "staples")
        },
    )
    kinds = set()
    for seed in range(12):
        for mark in sample_marks(np.random.default_rng(seed), every, SIZE):
            kinds.add(mark.kind)
            page = np.full((420, 594, 3), 250, np.uint8)
            draw_marks(page, (mark,), 2.0, (0.0, 0.0))
            ys, xs = np.nonzero((page != 250).any(-1))
            points = np.array(mark.points_mm)
            reach = 60.0 if mark.kind in ("note", "stamp", "stain") else 3 + mark.width_mm
            low, high = points.min(0) - reach, points.max(0) + reach
            assert ((xs / 2 >= low[0]) & (xs / 2 <= high[0])).all()
            assert ((ys / 2 >= low[1]) & (ys / 2 <= high[1])).all()
            # A part of the page shows the same part of the mark.
            part = np.full((200, 300, 3), 250, np.uint8)
            draw_marks(part, (mark,), 2.0, (100.0, 50.0))
            np.testing.assert_array_equal(part, page[100:300, 200:500])
    assert kinds >= {"pen", "note", "highlighter", "stamp", "stain", "hole", "staple"}


def test_a_hole_covers_and_a_pen_darkens() -> None:
    page = np.full((40, 40, 3), 10, np.uint8)
    draw_marks(page, (Mark("hole", ((10.0, 10.0),), 3.0, (120, 120, 125)),), 2.0, (0.0, 0.0))
    assert page[20, 20].tolist() == [120, 120, 125]
    page = np.full((40, 40, 3), 10, np.uint8)
    draw_marks(page, (Mark("pen", ((0.0, 10.0), (20.0, 10.0)), 1.0, (200, 0, 0)),), 2.0, (0, 0))
    assert page[20, 20].max() <= 10


def test_copies_lose_colour_and_a_fax_has_two_levels() -> None:
    page = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    photocopy, fax = copied(page, "photocopy"), copied(page, "fax")
    assert (photocopy[..., 0] == photocopy[..., 2]).all()
    assert len(np.unique(fax)) == 2


def test_a_clipped_page_shows_and_stores_what_the_pen_drew(record: Record) -> None:
    spec = replace(sample_page(np.random.default_rng(0), "12x1"), clip_mv=0.3, order="standard")
    page = Page(spec, record)
    stored = printed_signal(page)
    finite = stored.signal_mv[np.isfinite(stored.signal_mv)]
    assert np.abs(finite).max() == np.float32(0.3)
    again = Page(spec, stored)
    for one, other in zip(page.traces, again.traces, strict=True):
        np.testing.assert_array_equal(one.points_mm, other.points_mm)


def test_the_kit_page_is_letter_paper_with_names_below_the_trace(record: Record) -> None:
    spec = page_of("ecg-image-kit", np.random.default_rng(0))
    assert (spec.width_mm, spec.height_mm, spec.layout) == (279.4, 215.9, "3x4+1")
    page = Page(spec, record)
    names = [word for word in page.texts if word.lead is not None]
    assert len(names) == 13
    assert all(word.box_mm[3] <= spec.height_mm for word in page.texts)
    assert names[0].box_mm[1] > spec.row_y_mm[0]


def test_an_empty_preset_is_the_page_on_a_surface() -> None:
    spec = sample_photo(np.random.default_rng(0), SIZE, "bare", 4.0, preset=PhotoPreset())
    assert spec.effects() == ()
    assert spec.light.jpeg_quality == 0
