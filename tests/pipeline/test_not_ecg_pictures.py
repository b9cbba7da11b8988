"""Pictures that are no ECG: remade alike, unlike each other, asked once, counted."""

import numpy as np
import pytest

from ecg.reading import PageRejected
from pipeline.benchmark.not_ecg import KINDS, other_picture, other_pictures
from pipeline.benchmark.rejection import answers, rejection_figures


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn(kind):
    picture = other_picture(kind, 0)
    assert picture.name == f"{kind}-000"
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.ndim == 3
    assert min(picture.pixels.shape[:2]) > 200
    assert picture.pixels.std() > 1


@pytest.mark.parametrize("kind", ["eeg", "form", "scene"])
def test_a_picture_is_remade_from_kind_number_and_seed(kind):
    picture = other_picture(kind, 0)
    np.testing.assert_array_equal(picture.pixels, other_picture(kind, 0).pixels)
    other = other_picture(kind, 0, seed=1).pixels
    assert other.shape != picture.pixels.shape or (other != picture.pixels).any()


def test_sheets_are_photographed_in_every_strength():
    strengths = [other_picture("form", number).strength for number in range(4)]
    assert strengths == ["clean", "scan", "photo", "hard_photo"]
    with pytest.raises(ValueError, match="no kind 'ecg'"):
        other_picture("ecg", 0)


def test_kinds_come_in_turn():
    some = list(other_pictures(2 * len(KINDS)))
    assert [kind for kind, _ in some[: len(KINDS)]] == list(KINDS)
    assert {number for _, number in some[len(KINDS) :]} == {1}
    assert len(KINDS) >= 20


def test_every_picture_is_asked_once_and_counted(tmp_path):
    asked = []

    def read(pixels):
        asked.append(pixels.shape)
        raise PageRejected("No ECG grid was found.", "grid")

    first = answers(read, tmp_path, 2)
    assert len(asked) == 2
    again = answers(read, tmp_path, 3)
    assert len(asked) == 3
    assert again[:2] == first
    figures = {one.case: one.value for one in rejection_figures(again, "a reader")}
    assert figures["not_ecg"] == 100
    assert figures[f"not_ecg/{KINDS[0]}"] == 100
