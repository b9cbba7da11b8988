"""Benchmarks count failures, and keep what was read apart from what another reader read."""

from types import SimpleNamespace

import numpy as np
import pytest

from ecg.reading import PageRejected
from ecg.simulator import simulate
from pipeline.benchmark.digitization import page_figures
from pipeline.benchmark.pages import (
    judge,
    load_read_page,
    make_photo,
    printed_truth,
    reader_digest,
    readings_folder,
    save_read_page,
)

PICTURE = np.zeros((8, 8, 3), np.uint8)


@pytest.fixture(scope="module")
def truth():
    record = simulate(np.random.default_rng(0))
    return printed_truth(make_photo(record, "3x4+1", "clean", 0).page)


def _good(truth):
    near = truth + np.random.default_rng(1).normal(0, 1e-4, truth.shape).astype(np.float32)
    return judge(
        "1", truth, lambda _: SimpleNamespace(signal_mv=near, layout="3x4+1"), PICTURE, "3x4+1"
    )


def _rejected(truth):
    def refuse(_):
        raise PageRejected("No ECG grid was found.", "grid")

    return judge("2", truth, refuse, PICTURE, "3x4+1")


def test_a_good_reading_and_a_rejection(truth):
    good, rejected = _good(truth), _rejected(truth)
    assert good.leads_found == good.leads_printed == 12
    assert np.nanmin(good.lead_snr_db) > 40
    assert good.layout_right
    assert rejected.status == "rejected"
    assert rejected.reason == "No ECG grid was found."
    assert np.nanmax(np.abs(rejected.lead_snr_db)) == 0
    assert not rejected.layout_right


def test_pages_that_failed_count_in_every_mean(truth):
    figures = {
        figure.metric: figure.value
        for figure in page_figures("case", [_good(truth), _rejected(truth)], "simulated")
    }
    assert figures["leads_found_percent"] == 50
    assert figures["pages_read_percent"] == 50
    assert figures["pearson"] == pytest.approx(0.5, abs=0.01)


def test_what_was_read_is_kept(truth, tmp_path):
    page = _good(truth)
    path = tmp_path / "1.npz"
    save_read_page(path, page)
    again = load_read_page(path)
    np.testing.assert_allclose(again.signal_mv, page.signal_mv, atol=0.001)
    np.testing.assert_array_equal(again.lead_snr_db, page.lead_snr_db)
    assert (again.record_id, again.status) == ("1", "read")


def test_readings_are_kept_by_reader(tmp_path):
    assert reader_digest() == reader_digest()
    assert len(reader_digest()) == 12
    assert readings_folder(tmp_path).name == reader_digest()
