"""The error of the time base is the one that was put in."""

import numpy as np
import pytest

from ecg.metrics.time_base import time_error
from ecg.simulator import simulate

RATE_HZ = 500.0


@pytest.fixture(scope="module")
def truth():
    return simulate(np.random.default_rng(0)).signal_mv[:, :5000].astype(float)


@pytest.mark.parametrize("error", [-0.01, 0.0, 0.003, 0.02])
def test_a_stretched_record_says_by_how_much(truth, error):
    at = np.arange(5000) / (1 + error)
    stretched = np.stack([np.interp(at, np.arange(5000), lead) for lead in truth])
    assert time_error(truth, stretched, RATE_HZ) == pytest.approx(abs(error), abs=2e-4)


def test_a_delay_that_all_share_is_no_error(truth):
    assert time_error(truth, np.roll(truth, 30, axis=1), RATE_HZ) < 2e-4


def test_nothing_is_said_of_what_cannot_be_recognised(truth):
    noise = np.random.default_rng(1).normal(0, 1, truth.shape)
    assert np.isnan(time_error(truth, noise, RATE_HZ))
    assert np.isnan(time_error(truth, np.full_like(truth, np.nan), RATE_HZ))
