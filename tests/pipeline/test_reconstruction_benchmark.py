"""Figures of completed records: failures count, shrunk waves are told, intervals are by patient."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ecg.simulator import simulate
from pipeline.benchmark import BenchmarkError
from pipeline.benchmark.reconstruction import measure_reconstruction
from pipeline.benchmark.reconstruction_figures import CompletedCase, reconstruction_figures
from pipeline.benchmark.reconstruction_plot import plot_leads
from pipeline.options import BenchmarkOptions


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(0)
    return np.stack([simulate(rng).signal_mv[:, ::5][:, :1000] for _ in range(8)])


@pytest.fixture
def ptbxl():
    index = pd.DataFrame(
        {"patient_id": [1, 1, 2, 3, 4, 5, 6, 7], "mi": [True, False] * 4}, index=range(8)
    )
    return SimpleNamespace(index=index)


def _figures(truth, signal, ptbxl, failed=0, deviation=0.1):
    scored = np.zeros(truth.shape, bool)
    scored[:, 6:] = True
    case = CompletedCase(
        "I+II",
        "test",
        np.arange(len(truth)),
        np.where(scored, np.nan, truth).astype(np.float32),
        truth,
        signal.astype(np.float32),
        np.full(truth.shape, deviation, np.float32),
        scored,
        failed,
        12.0,
    )
    figures, by_lead = reconstruction_figures(case, ptbxl, seed=0)
    return {figure.metric: figure for figure in figures}, by_lead


def test_the_truth_scores_best(truth, ptbxl):
    figures, by_lead = _figures(truth, truth, ptbxl)
    assert figures["pearson"].value == pytest.approx(1)
    assert figures["rmse_uv"].value == pytest.approx(0, abs=1e-3)
    assert figures["r_height_variance_ratio"].value == pytest.approx(1)
    assert figures["mi_auroc_difference"].value == 0
    assert figures["within_deviation_share"].value == 1
    assert figures["limb_identity_uv_max"].value < 1
    assert set(by_lead) == {"V1", "V2", "V3", "V4", "V5", "V6"}


def test_the_mean_of_all_people_is_told_from_a_reconstruction(truth, ptbxl):
    """Correlation may stay high while every patient gets the same waves."""
    half, _ = _figures(truth, 0.5 * truth, ptbxl)
    assert half["pearson"].value == pytest.approx(1)
    assert half["r_height_variance_ratio"].value == pytest.approx(0.25, abs=0.01)
    assert half["r2"].value == pytest.approx(0.75, abs=0.01)


def test_a_record_that_failed_counts_nothing(truth, ptbxl):
    signal = truth.copy()
    signal[:4] = 0
    figures, _ = _figures(truth, signal, ptbxl, failed=4)
    assert figures["pearson"].value == pytest.approx(0.5)
    assert figures["pearson"].n == 8
    assert figures["pearson"].low < 0.5 < figures["pearson"].high
    assert figures["not_completed"].value == 4


def test_deviations_that_are_too_small_are_told(truth, ptbxl):
    noise = np.random.default_rng(0).normal(0, 0.1, truth.shape)
    right, _ = _figures(truth, truth + noise, ptbxl, deviation=0.1)
    small, _ = _figures(truth, truth + noise, ptbxl, deviation=0.01)
    assert right["within_deviation_share"].value == pytest.approx(0.68, abs=0.03)
    assert small["within_deviation_share"].value < 0.15


def test_an_unknown_case_is_refused(monkeypatch, tmp_path, ptbxl):
    ptbxl.select = lambda **_: np.arange(8)
    ptbxl.signals = lambda ids, _: np.zeros((len(ids), 12, 1000), np.int16)
    monkeypatch.setattr("pipeline.benchmark.reconstruction.open_ptbxl", lambda _: ptbxl)
    options = BenchmarkOptions("reconstruction", data=tmp_path, out=tmp_path, cases=("V9",))
    with pytest.raises(BenchmarkError, match="no case 'V9'"):
        measure_reconstruction(options)


def test_leads_are_plotted(tmp_path):
    plot_leads(tmp_path / "leads.png", "I", {"linear": {"V1": 0.5}, "completion": {"V1": 0.8}})
    assert (tmp_path / "leads.png").read_bytes().startswith(b"\x89PNG")
