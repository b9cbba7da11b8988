"""What is no ECG is refused by the shipped networks, each time with a reason, never read."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ecg.reading import PageRejected
from pipeline.digitizer import Digitizer


@pytest.fixture(scope="module")
def digitizer() -> Digitizer:
    return Digitizer.load()


def _blank() -> np.ndarray:
    return np.full((900, 1200, 3), 250, np.uint8)


def _graph_paper() -> np.ndarray:
    page = _blank()
    for pitch, colour in ((8, (250, 215, 215)), (40, (235, 150, 150))):
        page[::pitch] = colour
        page[:, ::pitch] = colour
    return page


def _text_page() -> np.ndarray:
    page = _blank()
    for line in range(26):
        words = "the quick brown fox V1 jumps over II lazy dogs and reads aVR reports"
        cv2.putText(page, words, (60, 60 + 32 * line), 0, 0.8, (30, 30, 30), 2, cv2.LINE_AA)
    return page


def _line_chart() -> np.ndarray:
    page = _blank()
    page[100:801:70, 100:1101] = 200
    page[100:801, 100:1101:100] = 200
    x = np.linspace(100, 1100, 200)
    rng = np.random.default_rng(0)
    for colour in ((200, 30, 30), (30, 30, 200)):
        y = 450 + np.cumsum(rng.normal(0, 12, 200))
        points = np.round(np.stack([x, y], axis=-1)).astype(np.int32)
        cv2.polylines(page, [points], False, colour, 2, cv2.LINE_AA)
    cv2.putText(page, "Sales 2019-2024", (430, 60), 0, 1, (0, 0, 0), 2, cv2.LINE_AA)
    return page


def _natural_photo(name: str) -> np.ndarray:
    from sklearn.datasets import load_sample_image

    return np.ascontiguousarray(load_sample_image(name))


def _noise() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (700, 900, 3)).astype(np.uint8)


PICTURES = {
    "blank page": _blank,
    "graph paper": _graph_paper,
    "text page": _text_page,
    "line chart": _line_chart,
    "building": lambda: _natural_photo("china.jpg"),
    "flower": lambda: _natural_photo("flower.jpg"),
    "noise": _noise,
}


@pytest.mark.parametrize("name", PICTURES)
def test_what_is_no_ecg_is_refused_with_a_reason(name, digitizer):
    with pytest.raises(PageRejected) as refusal:
        digitizer.digitize(PICTURES[name]())
    sentence = str(refusal.value)
    assert len(sentence) > 20
    assert sentence.endswith(".")
