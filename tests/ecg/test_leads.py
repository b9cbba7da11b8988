from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg import leads


def limb(i: float, ii: float) -> list[float]:
    return [i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2]


def test_order_is_the_projects_one() -> None:
    assert leads.LEADS == (
        "I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6",
    )  # fmt: skip
    assert [leads.LEAD_INDEX[lead] for lead in leads.LEADS] == list(range(12))
    assert leads.LIMB_LEADS + leads.CHEST_LEADS == leads.LEADS


def test_cabrera_runs_by_angle() -> None:
    # Along an axis of angle a the lead at angle b reads cos(a - b): each in turn is the largest.
    angles = dict(zip(leads.CABRERA_ORDER[:6], (-30, 0, 30, 60, 90, 120), strict=True))
    for (lead, sign), angle in angles.items():
        i, ii = np.cos(np.deg2rad(angle)), np.cos(np.deg2rad(angle - 60))
        values = dict(zip(leads.LIMB_LEADS, limb(i, ii), strict=True))
        # Goldberger leads are sqrt(3)/2 as tall as Einthoven's.
        scale = 1.0 if lead in ("I", "II", "III") else np.sqrt(3) / 2
        assert sign * values[lead] == pytest.approx(scale)
    assert [lead for lead, _ in leads.CABRERA_ORDER[6:]] == list(leads.CHEST_LEADS)


@pytest.mark.parametrize("pair", list(combinations(range(6), 2)))
def test_any_two_limb_leads_give_the_others(pair: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    whole = np.full((12, 40), np.nan, np.float32)
    whole[:6] = leads.goldberger(*rng.normal(size=(2, 40)))
    part = np.full_like(whole, np.nan)
    part[list(pair)] = whole[list(pair)]
    derived = leads.derive_limb_leads(part)
    np.testing.assert_allclose(derived[:6], whole[:6], atol=2e-6)
    assert np.isnan(derived[6:]).all()


@given(st.lists(st.integers(0, 63), min_size=1, max_size=20))
def test_deriving_works_sample_by_sample(masks: list[int]) -> None:
    n = len(masks)
    whole = np.full((12, n), 7.0, np.float32)
    whole[:6] = leads.goldberger(np.linspace(-1, 1, n), np.linspace(0.5, -2, n))
    part = whole.copy()
    for sample, mask in enumerate(masks):
        for row in range(6):
            if not mask >> row & 1:
                part[row, sample] = np.nan
    derived = leads.derive_limb_leads(part)
    for sample, mask in enumerate(masks):
        if mask.bit_count() >= 2:
            np.testing.assert_allclose(derived[:, sample], whole[:, sample], atol=3e-6)
        else:
            np.testing.assert_array_equal(derived[:, sample], part[:, sample])


def test_measured_samples_are_never_changed() -> None:
    signal = np.random.default_rng(1).normal(size=(12, 30)).astype(np.float32)
    signal[4] = np.nan
    derived = leads.derive_limb_leads(signal)
    kept = np.isfinite(signal)
    np.testing.assert_array_equal(derived[kept], signal[kept])
    assert np.isfinite(derived[4]).all()


def test_residual_is_zero_for_true_leads_and_shows_a_swap() -> None:
    signal = np.zeros((12, 3))
    signal[:6] = leads.goldberger([0.5, 1.0, 0.0], [1.0, 0.2, 0.0])
    np.testing.assert_allclose(leads.einthoven_residual_mv(signal), 0, atol=1e-12)
    signal[2, 0] += 0.1
    np.testing.assert_allclose(leads.einthoven_residual_mv(signal)[:, 0], [0.1, 0, 0.05, -0.05])


def test_goldberger_by_hand() -> None:
    assert leads.goldberger(0.5, 1.0).tolist() == [0.5, 1.0, 0.5, -0.75, 0.0, 0.75]
    assert np.isnan(leads.goldberger([np.nan], [1.0])).all()


def test_derivable_leads() -> None:
    assert leads.derivable_leads(("aVF", "v2", "III")) == (*leads.LIMB_LEADS, "V2")
    assert leads.derivable_leads(("II", "V1")) == ("II", "V1")


@pytest.mark.parametrize("lead", leads.LEADS)
def test_lead_names_are_read_in_any_spelling(lead: str) -> None:
    for name in (lead, lead.upper(), lead.lower(), f" {lead} ", f"Lead {lead}", ".".join(lead)):
        assert leads.canonical_lead(name) == lead


@pytest.mark.parametrize("name", ["", "V7", "IV", "-aVR", "x", "aV"])
def test_unknown_leads_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="lead"):
        leads.canonical_lead(name)


def test_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(12, samples\)"):
        leads.derive_limb_leads(np.zeros((8, 5)))
