"""The surface through the grid's residuals: flat where paper is flat, sharp where it is folded."""

from __future__ import annotations

import numpy as np
import pytest

from digitization.plate import _Bending, _plate, smooth_surface


def _sheet(fold: float, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """A sheet of 24 by 40 cells with one fold, as it is and as it was measured."""
    x = np.arange(40.0)
    true = np.zeros((24, 40, 2))
    true[..., 1] = fold * np.maximum(x - 17, 0)
    return true, true + np.random.default_rng(0).normal(0, noise, true.shape)


def test_a_flat_sheet_is_averaged():
    true, seen = _sheet(0.0)
    found = smooth_surface(seen, np.ones(seen.shape[:2], bool))
    assert np.sqrt(((found - true) ** 2).mean()) < 0.25 * 0.05


def test_a_fold_stays_sharp():
    true, seen = _sheet(0.4)
    known = np.ones(seen.shape[:2], bool)
    bending = _Bending(24, 40)
    errors = [
        np.sqrt(((_plate(seen, known, bending, 3.0, 4, creases) - true) ** 2).mean())
        for creases in (False, True)
    ]
    assert errors[1] < 0.5 * errors[0]


@pytest.mark.parametrize("fold", [0.0, 0.4])
def test_a_sheet_on_its_side_is_the_same(fold):
    _, seen = _sheet(fold)
    known = np.random.default_rng(1).random(seen.shape[:2]) < 0.9
    lying = smooth_surface(seen, known)
    upright = smooth_surface(seen.swapaxes(0, 1), known.T)
    np.testing.assert_allclose(upright, lying.swapaxes(0, 1))


def test_wrong_crossings_do_not_pull_the_sheet():
    true, seen = _sheet(0.2, noise=0.02)
    wrong = np.random.default_rng(2).random(seen.shape[:2]) < 0.08
    seen[wrong] += 1.5
    found = smooth_surface(seen, np.ones(seen.shape[:2], bool))
    assert np.abs(found - true).max() < 0.15
