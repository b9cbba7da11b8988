"""Scores of reconstructed leads."""

import numpy as np
import pytest

from ecg.metrics.reconstruction import high_pass_matrix, score_reconstruction

RATE_HZ = 100


@pytest.fixture
def truth():
    time_s = np.arange(1000) / RATE_HZ
    rng = np.random.default_rng(0)
    waves = [np.sin(2 * np.pi * (f * time_s + p)) for f, p in rng.uniform(1, 8, (24, 2))]
    return np.stack(waves).reshape(2, 12, 1000)


def test_the_truth_itself_scores_best(truth):
    scores = score_reconstruction(truth, truth, np.ones(truth.shape, bool))
    np.testing.assert_allclose(scores.pearson, 1)
    np.testing.assert_allclose(scores.r2, 1)
    np.testing.assert_allclose(scores.rmse_uv, 0, atol=1e-9)


def test_half_the_amplitude_keeps_the_correlation_but_not_r2(truth):
    scores = score_reconstruction(truth, truth / 2, np.ones(truth.shape, bool))
    np.testing.assert_allclose(scores.pearson, 1)
    np.testing.assert_allclose(scores.r2, 0.75, atol=0.01)
    np.testing.assert_allclose(scores.rmse_uv, 500 / np.sqrt(2), rtol=0.05)


def test_wander_counts_in_the_raw_figure_only(truth):
    wander = np.sin(2 * np.pi * 0.1 * np.arange(1000) / RATE_HZ)
    scored = np.ones(truth.shape, bool)
    assert (score_reconstruction(truth, truth + wander, scored).pearson > 0.99).all()
    assert (score_reconstruction(truth, truth + wander, scored, raw=True).pearson < 0.9).all()


def test_an_offset_is_no_error_of_either(truth):
    scored = np.ones(truth.shape, bool)
    for raw in (False, True):
        scores = score_reconstruction(truth, truth + 3, scored, raw=raw)
        np.testing.assert_allclose(scores.r2, 1, atol=1e-6)


def test_only_what_is_asked_for_is_scored(truth):
    scored = np.zeros(truth.shape, bool)
    scored[:, 7, 300:700] = True
    estimate = truth.copy()
    estimate[:, :7] = 0
    estimate[:, 7, :250] = truth[:, 7, 750:]
    scores = score_reconstruction(truth, estimate, scored)
    assert np.isnan(scores.pearson[:, np.arange(12) != 7]).all()
    assert (scores.pearson[:, 7] > 0.99).all()


def test_constant_leads_count_nothing(truth):
    flat = truth.copy()
    flat[:, 3] = 0
    scored = np.ones(truth.shape, bool)
    assert (score_reconstruction(flat, truth, scored).pearson[:, 3] == 0).all()
    assert (score_reconstruction(flat, truth, scored).r2[:, 3] == 0).all()
    assert (score_reconstruction(truth, flat, scored).pearson[:, 3] == 0).all()


def test_the_matrix_filters_as_the_filter_does():
    from scipy.signal import butter, sosfiltfilt

    signal = np.random.default_rng(1).normal(size=1000)
    sections = butter(2, 0.5, "highpass", fs=RATE_HZ, output="sos")
    np.testing.assert_allclose(
        signal @ high_pass_matrix(1000), sosfiltfilt(sections, signal), atol=1e-4
    )


def test_shapes_and_gaps_are_refused(truth):
    scored = np.ones(truth.shape, bool)
    with pytest.raises(ValueError, match="must all be"):
        score_reconstruction(truth, truth[:, :11], scored)
    holed = truth.copy()
    holed[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        score_reconstruction(truth, holed, scored)
