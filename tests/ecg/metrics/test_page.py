import math
import time

import numpy as np
import pytest

from ecg.leads import LEADS
from ecg.metrics.digitization import challenge_snr_db
from ecg.metrics.page import score_page
from ecg.simulator import simulate


def printed_page(seed: int = 0) -> np.ndarray:
    """(12, 5000): a 3x4+1 page, columns of 2.5 s and lead II whole."""
    signal = simulate(np.random.default_rng(seed)).signal_mv
    page = np.full_like(signal, np.nan)
    for row in range(12):
        column = row // 3
        page[row, column * 1250 : (column + 1) * 1250] = signal[
            row, column * 1250 : (column + 1) * 1250
        ]
    page[1] = signal[1]
    return page


def test_each_lead_is_scored_by_the_challenges_rule() -> None:
    truth = printed_page()
    estimate = truth + np.random.default_rng(0).normal(0, 0.02, truth.shape).astype(np.float32)
    start = time.perf_counter()
    score = score_page(truth, estimate, 500)
    assert time.perf_counter() - start < 5  # about 0.4 s on an idle core
    truth[:, -75:] = np.nan
    assert [lead.lead for lead in score.leads] == list(LEADS)
    for row, lead in enumerate(score.leads):
        assert lead.challenge_snr_db == challenge_snr_db(truth[row], estimate[row], 500)
        assert lead.coverage == 1
    assert score.challenge_snr_db == pytest.approx(
        np.mean([lead.challenge_snr_db for lead in score.leads])
    )
    # The alignment moves by whole samples and levels: on a noisy low lead it costs a little.
    assert 20 < score.rmse_uv < 30
    assert score.leads_found_percent == 100


def test_failures_count_zero_and_are_never_dropped() -> None:
    truth = printed_page()
    estimate = truth + np.float32(0.01) * np.sin(np.arange(5000)).astype(np.float32)
    whole = score_page(truth, estimate, 500)
    estimate[[0, 7]] = np.nan
    part = score_page(truth, estimate, 500)
    assert part.leads[0].challenge_snr_db == 0
    assert part.leads[7].pearson == 0
    assert part.leads[7].rmse_uv > 50
    others = [lead.challenge_snr_db for row, lead in enumerate(whole.leads) if row not in (0, 7)]
    assert part.challenge_snr_db == pytest.approx(sum(others) / 12)
    assert part.leads_found_percent == pytest.approx(100 * 10 / 12)
    assert not part.all_leads_right
    assert whole.all_leads_right


def test_a_rejected_page_scores_zero() -> None:
    score = score_page(printed_page(), None, 500)
    assert score.challenge_snr_db == 0
    assert score.pearson == 0
    assert score.leads_found_percent == 0
    assert 0 <= score.kaggle_snr_db < 1


def test_the_padding_at_the_end_is_left_out() -> None:
    truth = printed_page()
    estimate = truth.copy()
    estimate[:, -70:] = 5
    assert all(lead.rmse_uv == 0 for lead in score_page(truth, estimate, 500).leads)
    assert score_page(truth, estimate, 500, padding_s=0).rmse_uv > 100


def test_leads_that_are_not_printed_are_not_scored() -> None:
    truth = printed_page()
    truth[6:] = np.nan
    score = score_page(truth, truth, 500)
    assert [lead.lead for lead in score.leads] == list(LEADS[:6])
    assert math.isnan(score.challenge_snr_db)  # perfect
    assert score.kaggle_ratio == 1e6


def test_estimates_of_another_length_are_fitted() -> None:
    truth = printed_page()
    noisy = truth + np.random.default_rng(0).normal(0, 0.02, truth.shape).astype(np.float32)
    short = score_page(truth, noisy[:, :3750], 500)
    assert short.leads[11].challenge_snr_db == 0
    assert short.leads[1].coverage == pytest.approx(3750 / 4925)
    longer = np.concatenate([noisy, noisy], axis=1)
    assert score_page(truth, longer, 500) == score_page(truth, noisy, 500)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="12, samples"):
        score_page(np.zeros((3, 100)), None, 500)
    with pytest.raises(ValueError, match="prints nothing"):
        score_page(np.full((12, 500), np.nan), None, 500)
