"""One calibrated answer from two routes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classification.combination import Calibration, fit_calibration
from classification.findings import FINDINGS, find, fit_findings
from classification.mi import MiClassifier
from classification.signal_route import SHIPPED
from ecg.lead_maps import draw_lead_maps
from ecg.metrics.diagnosis import auroc
from ecg.simulator import simulate


@pytest.fixture(scope="module")
def classifier() -> MiClassifier:
    return MiClassifier.load()


def beside(logits: np.ndarray) -> np.ndarray:
    """Logits of MI, with an answer for NORM that tells nothing."""
    return np.stack([logits, np.zeros_like(logits)], axis=1)


def test_the_operating_point_has_nine_in_ten_specificity():
    rng = np.random.default_rng(0)
    mi = rng.random(4000) < 0.3
    logits = rng.normal(0, 1, 4000) + 1.5 * mi
    fitted = fit_calibration(beside(logits), logits + rng.normal(0, 0.5, 4000), mi)
    chance = np.array([fitted.probability(a, 0.0, a) for a in logits])
    assert 0.85 < (chance[~mi] < fitted.threshold).mean() < 0.95
    assert fitted.mi_weight > 0
    points = fitted.operating_points
    assert 0.87 < (chance[mi] >= points["sensitivity_90"]).mean() < 0.93
    f1 = {
        name: 2 * (mi & (chance >= point)).sum() / (mi.sum() + (chance >= point).sum())
        for name, point in points.items()
    }
    assert max(f1, key=lambda name: f1[name]) == "max_f1"


def test_maps_that_would_count_against_themselves_are_left_out():
    rng = np.random.default_rng(4)
    truth = rng.normal(0, 2, 4000)
    mi = rng.random(4000) < 1 / (1 + np.exp(-truth))
    noise = rng.normal(0, 1, 4000)
    # The maps say what the signals say and show the signals' noise: less of them would be better.
    fitted = fit_calibration(beside(truth + noise), 0.3 * truth + noise, mi)
    assert fitted.maps_weight == 0
    assert fitted == fit_calibration(beside(truth + noise), None, mi)


def test_what_is_abnormal_but_no_infarction_is_told_by_the_answer_for_normal():
    """Two answers that share what else is abnormal say more together."""
    rng = np.random.default_rng(6)
    mi = rng.random(4000) < 0.3
    other = rng.normal(0, 1, 4000)
    logits = np.stack([2.0 * mi + other, -2.0 * mi - 1.5 * other], axis=1)
    logits += rng.normal(0, 0.3, logits.shape)
    fitted = fit_calibration(logits, None, mi)
    both = np.array([fitted.probability(*one) for one in logits.tolist()])
    alone = fit_calibration(beside(logits[:, 0]), None, mi)
    assert auroc(mi, both) > auroc(mi, [alone.probability(a, 0.0) for a in logits[:, 0]]) + 0.02


def test_one_in_twenty_cannot_be_told_and_they_are_the_nearest():
    rng = np.random.default_rng(0)
    mi = rng.random(4000) < 0.3
    logits = rng.normal(0, 1, 4000) + 1.5 * mi
    fitted = fit_calibration(beside(logits), None, mi)
    chance = np.array([fitted.probability(a, 0.0) for a in logits])
    decisions = np.array([fitted.decide(one) for one in chance])
    assert 0.04 < (decisions == "cannot_tell").mean() < 0.06
    assert fitted.unsure[0] < fitted.threshold < fitted.unsure[1]
    assert chance[decisions == "no_mi"].max() < fitted.unsure[0]
    assert chance[decisions == "mi"].min() >= fitted.unsure[1]


def test_calibrated_probabilities_are_frequencies():
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, 20000)
    mi = rng.random(20000) < 1 / (1 + np.exp(-(0.5 * logits - 1)))
    fitted = fit_calibration(beside(logits), None, mi)
    np.testing.assert_allclose(fitted.mi_weight, 0.5, atol=0.05)
    np.testing.assert_allclose(fitted.bias, -1.0, atol=0.06)


def test_probability_is_the_logistic_function():
    points = {"specificity_90": 0.5}
    calibration = Calibration(0.0, 1.0, 0.0, 0.0, 0.5, (0.45, 0.55), points, 0.25)
    assert calibration.probability(0.0, 9.0, 9.0) == pytest.approx(0.5)


def test_three_leads_are_too_few_to_tell(classifier):
    signal = simulate(np.random.default_rng(2)).signal_mv.copy()
    signal[3:] = np.nan
    maps = draw_lead_maps(signal, 500.0, [0.0] * 3 + [np.nan] * 9)
    assert classifier.predict(signal, 500.0, maps).decision == "cannot_tell"


def test_probability_and_decision_agree(classifier):
    signal = simulate(np.random.default_rng(3), infarct="inferior").signal_mv
    found = classifier.predict(signal, 500.0, draw_lead_maps(signal, 500.0))
    assert 0 <= found.probability <= 1
    if found.decision != "cannot_tell":
        assert (found.decision == "mi") == (found.probability >= found.threshold)
    assert classifier.predict(signal, 500.0, None).maps_probability is None


@pytest.mark.data
def test_infarcts_of_fold_10_are_told_from_the_others(
    classifier: MiClassifier, shared_data: Path
) -> None:
    from ecg.ptbxl import PtbXl

    ptbxl = PtbXl(shared_data / "ptbxl", cached_shards=1)
    ids = ptbxl.select(split="test", rate_hz=100)[::7]
    mi = ptbxl.index.loc[ids, "mi"].to_numpy()
    signals = ptbxl.signals(ids, 100).astype(np.float32) / 1000
    chance = [classifier.predict(signal, 100.0, None).probability for signal in signals]
    assert auroc(mi, np.array(chance)) > 0.87


def test_shipped_graphs_answer_as_their_networks_where_leads_are_missing():
    import checkpoints
    from learning.checkpoint import read_checkpoint
    from learning.inference import TorchNetwork, open_network

    signal = simulate(np.random.default_rng(4)).signal_mv[:, ::5].copy()
    signal[3:6, 250:] = np.nan
    signal[6:] = np.nan
    maps = draw_lead_maps(signal, 100.0, [0.0] * 6 + [np.nan] * 6)
    given: dict[str, list[np.ndarray]] = {name: [signal[None]] for name in SHIPPED}
    given["mi_maps"] = [maps.ink[None], maps.present[None].astype(np.float32)]
    for name, inputs in given.items():
        folder = checkpoints.path(name)
        expected = TorchNetwork(read_checkpoint(folder).network)(*inputs)
        np.testing.assert_allclose(open_network(folder, "cpu")(*inputs), expected, atol=1e-3)


def test_findings_are_nested_and_calibrated():
    rng = np.random.default_rng(5)
    n = 6000
    mi = rng.random(n) < 0.3
    inferior = mi & (rng.random(n) < 0.5)
    names = ("MI", "NORM", "STTC", "CD", "HYP", "anterior", "inferior", "lateral", "acute_injury")
    truth = np.zeros((n, len(names)))
    truth[:, 0], truth[:, 6] = mi, inferior
    truth[:, 1] = ~mi & (rng.random(n) < 0.6)
    for column in (2, 3, 4, 5, 7, 8):
        truth[:, column] = rng.random(n) < 0.2
    truth[~mi, 5:] = 0
    truth[:50, 6] = np.nan
    logits = np.where(np.nan_to_num(truth) > 0.5, 1.0, -1.0) + rng.normal(0, 1, truth.shape)
    fitted = fit_findings(logits, truth, names)
    assert set(fitted) == set(FINDINGS)
    found = [
        find(fitted, dict(zip(names, row, strict=True)), chance)
        for row, chance in zip(logits[:500], np.linspace(0, 1, 500), strict=True)
    ]
    for one, chance in zip(found, np.linspace(0, 1, 500), strict=True):
        assert sum(one.classes.values()) == pytest.approx(1)
        assert max(*one.walls.values(), one.acute_injury) <= chance
    among = [
        fitted["inferior"].probability(row[6], row[0])
        for row in logits[mi & np.isfinite(truth[:, 6])]
    ]
    assert np.mean(among) == pytest.approx(0.5, abs=0.03)
