"""Lines of print are found on the page and spelled."""

import cv2
import numpy as np
import pytest

import checkpoints
from dataset_generation.text import text_coverage
from digitization.calibration import read_calibration
from digitization.text_lines import CHARACTERS, find_lines, read_lines, read_steps, spell
from ecg.page_geometry import PageGeometry
from learning.inference import open_network
from segmentation.ink import normalise

SCALE = 8.0
SIZE_MM = (120, 60)


def _page(words, grid=190):
    """Words (text, left, top, capital height in mm) and a trace on squared paper."""
    width, height = (round(side * SCALE) for side in SIZE_MM)
    picture = np.full((height, width), 240, np.uint8)
    for k in range(0, 121, 5):
        cv2.line(picture, (round(k * SCALE), 0), (round(k * SCALE), height), grid, 2)
        cv2.line(picture, (0, round(k * SCALE)), (width, round(k * SCALE)), grid, 2)
    x = np.arange(width)
    y = 25 * SCALE - 60 * np.exp(-(((x % 170) - 80) ** 2) / 20)
    points = np.stack([x, y], axis=-1).round().astype(np.int32)
    cv2.polylines(picture, [points], False, 25, 3, cv2.LINE_AA)
    for text, left, top, capital in words:
        ink = text_coverage(text, "DejaVuSans", round(capital * SCALE))
        at = np.s_[
            round(top * SCALE) : round(top * SCALE) + ink.shape[0],
            round(left * SCALE) : round(left * SCALE) + ink.shape[1],
        ]
        picture[at] = np.minimum(picture[at], 255 - ink)
    return cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)


def _geometry():
    x, y = np.meshgrid(np.arange(0, SIZE_MM[0] + 1, 5.0), np.arange(0, SIZE_MM[1] + 1, 5.0))
    return PageGeometry(np.stack([x, y], axis=-1) * SCALE, 5.0)


def test_steps_are_spelled_with_doubled_letters_apart():
    word = "25 mm/s"
    steps = []
    for letter in word:
        for number in (CHARACTERS.index(letter) + 1, CHARACTERS.index(letter) + 1, 0):
            steps.append(np.eye(len(CHARACTERS) + 1)[number] * 0.9)
    line = read_steps(np.array(steps))
    assert line.text == word
    np.testing.assert_allclose(line.sure, 0.9, atol=1e-6)


def test_what_has_no_letter_is_a_dash():
    assert spell("Gain ×1.0 ~") == "gain x1.0 -"
    assert set(spell("äß%€")) == {"-"}


def test_lines_are_found_beside_grid_and_trace():
    page = _page([("25 mm/s   10 mm/mV", 12.0, 50.0, 2.4), ("Age: 54", 70.0, 5.0, 2.0)])
    small = cv2.resize(page, None, fx=5 / SCALE, fy=5 / SCALE, interpolation=cv2.INTER_AREA)
    boxes = [np.array(box) / 5 for box in find_lines(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))]
    for left, top, wide in ((12.0, 50.0, 30.0), (70.0, 5.0, 9.0)):
        near = [box for box in boxes if abs(box[0] - left) < 1.5 and abs(box[1] - top) < 1.5]
        assert len(near) == 1
        assert near[0][2] > wide


def test_letters_that_run_together_are_of_their_line():
    page = np.full((200, 600), 240, np.uint8)
    for left in (50, 62, 124, 136):  # two letters, "mm/mV" in one, two more
        cv2.rectangle(page, (left, 100), (left + 8, 112), 20, -1)
    together = [(76 + 4 * step, 112 - 12 * (step % 2)) for step in range(11)]
    cv2.polylines(page, [np.array(together)], False, 20, 2)
    (box,) = find_lines(page)
    assert box[0] == pytest.approx(50, abs=2)
    assert box[2] == pytest.approx(94, abs=4)


def test_an_empty_page_has_no_lines():
    assert find_lines(np.full((300, 400), 240, np.uint8)) == []


@pytest.mark.parametrize(
    ("speed", "gain", "framed"), [(25, 10, False), (50, 5, False), (50, 20, False), (25, 20, True)]
)
def test_what_ships_reads_speed_and_gain(speed, gain, framed):
    network = open_network(checkpoints.path("text_lines"), "cpu")

    def read(crop):
        logits = network(normalise(crop)[None, None])[0]
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    page = _page([(f"{speed} mm/s   {gain} mm/mV   40 Hz", 12.0, 50.6, 2.4)])
    if framed:  # a line through the words
        middle = round(51.4 * SCALE)
        cv2.line(page, (0, middle), (page.shape[1], middle), (40, 40, 40), 3)
    printed = read_calibration(read_lines(page, _geometry(), read))
    assert (printed.speed_mm_per_s, printed.gain_mm_per_mv) == (speed, gain)
