"""A completed record keeps what was measured and holds the limb leads' relations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg.leads import LEADS, einthoven_residual_mv
from ecg.simulator import simulate
from reconstruction.complete import complete, project_limb_leads
from reconstruction.reconstructor import Estimate, ReconstructionError
from reconstruction.visible import PAGE_3X4_1, sample_visible

UV = 1e-3


class Noise:
    """Fills everything with noise that keeps no relation at all."""

    name = "noise"
    needs: tuple[str, ...] = ()

    def estimate(self, shown_mv):
        signal = np.random.default_rng(0).normal(size=shown_mv.shape).astype(np.float32)
        return Estimate(signal, np.full_like(signal, 0.3))


class Copying(Noise):
    """Knows the truth, but for each lead's level."""

    name = "copying"

    def __init__(self, truth_mv):
        self.truth_mv = truth_mv

    def estimate(self, shown_mv):
        signal = np.stack([self.truth_mv + np.linspace(-1, 1, 12)[:, None]] * len(shown_mv))
        return Estimate(signal.astype(np.float32), np.full_like(signal, 0.1, np.float32))


@pytest.fixture(scope="module")
def record():
    return simulate(np.random.default_rng(3)).signal_mv.astype(np.float32)


def _breach_uv(signal_mv):
    return 1000 * np.abs(einthoven_residual_mv(signal_mv)).max()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_measured_samples_pass_and_limb_leads_agree(record, seed):
    rng = np.random.default_rng(seed)
    shown = np.where(sample_visible(rng, 5000, 500.0), record, np.float32(np.nan))
    if np.isfinite(shown).sum(axis=1).max() < 1250:
        return
    done = complete(shown, 500.0, Noise())
    assert np.isfinite(done.signal_mv).all()
    assert _breach_uv(done.signal_mv) <= 1
    chest = np.isfinite(shown[6:])
    assert np.array_equal(done.signal_mv[6:][chest], shown[6:][chest])
    few = np.isfinite(shown[:6]).sum(axis=0) <= 2
    limb = np.isfinite(shown[:6]) & few
    assert np.array_equal(done.signal_mv[:6][limb], shown[:6][limb])
    assert (done.deviation_mv[~done.filled] == 0).all()
    assert (done.deviation_mv[done.filled] > 0).all()


def test_more_than_two_limb_leads_are_projected_by_their_confidence(record):
    shown = record.copy()
    wrong = 0.05 * np.random.default_rng(0).normal(size=shown.shape[1]).astype(np.float32)
    shown[2] += wrong
    assert _breach_uv(shown) > 50
    even = project_limb_leads(shown)
    assert _breach_uv(even) <= 1
    confidence = np.ones(shown.shape)
    confidence[2] = 0
    trusted = project_limb_leads(shown, confidence)
    assert _breach_uv(trusted) <= 1
    assert np.abs(trusted - record)[:6].max() < 0.1 * np.abs(even - record)[:6].max()


def test_two_limb_leads_are_left_alone():
    shown = np.full((12, 100), np.nan, np.float32)
    shown[[0, 3]] = np.random.default_rng(0).normal(size=(2, 100))
    np.testing.assert_array_equal(project_limb_leads(shown), shown)


def test_filled_stretches_go_on_level(record):
    shown = PAGE_3X4_1.show(record, 500.0)
    hundred = record[:, ::5]
    done = complete(shown, 500.0, Copying(hundred))
    for lead in range(6, 12):
        starts = np.flatnonzero(np.diff(done.filled[lead].astype(int)))
        for start in starts:
            inside = slice(max(start - 100, 0), start + 100)
            assert np.abs(done.signal_mv[lead, inside] - record[lead, inside]).max() < 0.2


@pytest.mark.parametrize("samples", [1250, 2301, 5000, 7403])
def test_other_lengths_are_completed_whole(record, samples):
    shown = np.full((12, samples), np.nan, np.float32)
    shown[1] = np.tile(record[1], 2)[:samples]
    done = complete(shown, 500.0, Noise())
    assert done.signal_mv.shape == (12, samples)
    assert np.isfinite(done.signal_mv).all()
    assert np.array_equal(done.signal_mv[1], shown[1])
    assert _breach_uv(done.signal_mv) <= 1


@pytest.mark.parametrize(
    ("change", "rate_hz", "says"),
    [
        (lambda x: x[:3], 500.0, "must be .12, samples."),
        (lambda x: x, 7.0, "rate of 7 Hz"),
        (lambda x: x, float("nan"), "rate of nan Hz"),
        (lambda x: x * np.nan, 500.0, "no lead at all"),
        (lambda x: x[:, :1000], 500.0, "too little"),
        (lambda x: np.tile(x, 13), 500.0, "cut it into parts"),
    ],
)
def test_what_cannot_be_completed_is_refused_in_one_sentence(record, change, rate_hz, says):
    with pytest.raises(ReconstructionError, match=says):
        complete(change(record), rate_hz, Noise())


def test_leads_are_in_the_one_order(record):
    shown = np.full_like(record, np.nan)
    shown[LEADS.index("V4")] = record[LEADS.index("V4")]
    filled = complete(shown, 500.0, Noise()).filled
    assert not filled[LEADS.index("V4")].any()
    assert filled[np.arange(12) != LEADS.index("V4")].all()


def test_a_long_gap_is_owned_up_to(record):
    shown = np.full((12, 20000), np.nan, np.float32)
    shown[1, :2500] = record[1, :2500]
    shown[1, -2500:] = record[1, :2500]
    done = complete(shown, 500.0, Noise())
    assert np.isfinite(done.signal_mv).all()
    middle = slice(9500, 10500)
    np.testing.assert_allclose(done.deviation_mv[:, middle], 1.0, atol=1e-3)
    assert _breach_uv(done.signal_mv) <= 1
