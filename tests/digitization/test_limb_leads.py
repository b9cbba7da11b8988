"""Limb leads read at once: errors of reading shrink, what they cannot judge stays."""

import numpy as np

from digitization.limb_leads import reconcile
from ecg.leads import LEAD_INDEX, einthoven_residual_mv
from ecg.simulator import SimulatorSource


def read_with_errors(seed: int, sd_mv: float) -> tuple[np.ndarray, np.ndarray]:
    truth = SimulatorSource(seed=3)[seed].signal_mv.astype(np.float32)
    noise = np.random.default_rng(seed).normal(0, sd_mv, truth.shape)
    return truth, (truth + noise).astype(np.float32)


def test_errors_of_all_six_limb_leads_shrink_and_chest_leads_stay() -> None:
    for seed in range(4):
        truth, read = read_with_errors(seed, 0.02)
        corrected = reconcile(read)
        before = np.sqrt(((read - truth)[:6] ** 2).mean())
        after = np.sqrt(((corrected - truth)[:6] ** 2).mean())
        assert after < 0.65 * before  # two of six degrees of freedom are left
        np.testing.assert_array_equal(corrected[6:], read[6:])
        assert np.nanstd(einthoven_residual_mv(corrected)) < 0.3 * np.nanstd(
            einthoven_residual_mv(read)
        )


def test_two_limb_leads_say_nothing_of_each_other() -> None:
    _, read = read_with_errors(0, 0.02)
    read[[LEAD_INDEX[lead] for lead in ("III", "aVR", "aVL", "aVF")]] = np.nan
    np.testing.assert_array_equal(reconcile(read), read)


def test_a_lead_that_contradicts_the_others_much_and_offsets_are_left() -> None:
    truth, read = read_with_errors(1, 0.0)
    read[1, 2000:3000] += 1.5  # lead II read from its neighbour
    corrected = reconcile(read)
    np.testing.assert_allclose(corrected[:, 2000:3000], read[:, 2000:3000], atol=1e-3)
    shifted = truth.copy()
    shifted[2] += 0.2
    np.testing.assert_allclose(reconcile(shifted), shifted, atol=2e-3)
