"""Real phone photos of paper with known truth: read, under the right names, and not by luck."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecg.metrics.page import score_page
from pipeline.digitizer import Digitizer
from pipeline.photos import load_photos


@pytest.mark.data
@pytest.mark.parametrize("name", ["photo_01924_2000px", "photo_03156"])
def test_a_real_photo_is_read(name: str, shared_data: Path) -> None:
    folder = shared_data / "real_photos"
    photo = next(iter(load_photos(folder / f"{name}.jpg")))
    reading = Digitizer.load().digitize(photo)
    with np.load(folder / "truth.npz") as truths:
        truth = truths[name.split("_")[1]].astype(np.float32)
    truth[truth == -32768] = np.nan
    score = score_page(truth / 1000, reading.signal_mv, 500.0)
    assert reading.layout == "3x4+1"
    assert score.leads_found_percent == 100
    assert score.challenge_snr_db > 5


@pytest.mark.data
def test_no_chest_leads_are_made_of_a_page_of_limb_leads(shared_data: Path) -> None:
    photo = next(iter(load_photos(shared_data / "paper_images" / "kit_photos" / "ecg00005.jpg")))
    reading = Digitizer.load().digitize(photo)
    assert np.isfinite(reading.signal_mv[:6]).any(axis=1).all()
    assert not np.isfinite(reading.signal_mv[6:]).any()
