"""The figures of completed records against the true ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecg.leads import LEADS, einthoven_residual_mv
from ecg.metrics import diagnosis
from ecg.metrics.reconstruction import RATE_HZ, high_pass_matrix, score_reconstruction
from ecg.metrics.waves import Waves, find_beat_times, measure_waves
from pipeline.benchmark.table import Figure

if TYPE_CHECKING:
    from ecg.ptbxl import PtbXl

DATA = "PTB-XL fold 10"
_REPEATS = 500


@dataclass(frozen=True, eq=False)
class CompletedCase:
    """Completed records of a case.

    Attributes:
        name: the case.
        model: what completed.
        ids: ``(n,)`` record numbers.
        shown_mv: ``(n, 12, samples)`` at 100 Hz: what was visible, NaN elsewhere.
        truth_mv, signal_mv: the same shape, true and completed (zero where failed).
        deviation_mv: the same shape; NaN where failed.
        scored: the same shape: what was neither given nor derivable.
        failed: how many records could not be completed.
        milliseconds: to complete a record, median.
    """

    name: str
    model: str
    ids: NDArray[np.int64]
    shown_mv: NDArray[np.float32]
    truth_mv: NDArray[np.float32]
    signal_mv: NDArray[np.float32]
    deviation_mv: NDArray[np.float32]
    scored: NDArray[np.bool_]
    failed: int
    milliseconds: float


def reconstruction_figures(
    case: CompletedCase, ptbxl: PtbXl, seed: int
) -> tuple[list[Figure], dict[str, float]]:
    """Returns the figures of a case, and the correlation of each lead for the plot."""
    figures: list[Figure] = []
    patients = ptbxl.index.loc[case.ids, "patient_id"].to_numpy()

    def add(metric: str, values: NDArray[np.float64]) -> None:
        values = np.asarray(values, np.float64)
        kept = np.isfinite(values)
        low, high = _patient_interval(values[kept], patients[kept], seed)
        mean = float(values[kept].mean())
        figures.append(
            Figure(case.name, metric, mean, int(kept.sum()), case.model, DATA, low, high)
        )

    scores = score_reconstruction(case.truth_mv, case.signal_mv, case.scored)
    raw = score_reconstruction(case.truth_mv, case.signal_mv, case.scored, raw=True)
    add("pearson", _over_leads(scores.pearson))
    add("r2", _over_leads(scores.r2))
    add("rmse_uv", _over_leads(scores.rmse_uv))
    add("pearson_raw", _over_leads(raw.pearson))
    add("rmse_uv_raw", _over_leads(raw.rmse_uv))
    chest = scores.pearson[:, 6:]
    if np.isfinite(scores.pearson[:, :6]).any():
        add("pearson_chest_leads", _over_leads(chest))
    by_lead = {}
    for row, lead in enumerate(LEADS):
        if np.isfinite(scores.pearson[:, row]).any():
            add(f"pearson_{lead}", scores.pearson[:, row])
            by_lead[lead] = figures[-1].value
    figures += _wave_figures(case)
    figures += _uncertainty_figures(case)
    residual = np.stack([np.abs(einthoven_residual_mv(one)).max() for one in case.signal_mv])
    n = len(case.ids)
    figures.append(
        Figure(case.name, "limb_identity_uv_max", float(1000 * residual.max()), n, case.model, DATA)
    )
    figures.append(Figure(case.name, "not_completed", float(case.failed), n, case.model, DATA))
    figures.append(Figure(case.name, "milliseconds", case.milliseconds, n, case.model, DATA))
    figures += _downstream_figures(case, ptbxl, patients, seed)
    return figures, by_lead


def _over_leads(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the leads of each record that have something to score."""
    count = np.isfinite(values).sum(axis=1)
    total = np.nansum(values, axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _patient_interval(
    values: NDArray[np.float64], patients: NDArray[np.int64], seed: int
) -> tuple[float, float]:
    """95 % bootstrap interval of a mean over records, patients drawn with replacement."""
    _, group = np.unique(patients, return_inverse=True)
    sums, counts = np.bincount(group, values), np.bincount(group)
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(sums), (_REPEATS, len(sums)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def _wave_figures(case: CompletedCase) -> list[Figure]:
    """Heights of R and ST, and whether they shrink towards the mean of all people."""
    true: list[Waves] = []
    found: list[Waves] = []
    for truth, signal in zip(case.truth_mv, case.signal_mv, strict=True):
        times = find_beat_times(truth, RATE_HZ)
        if times is not None:
            true.append(measure_waves(truth, times))
            found.append(measure_waves(signal, times))
    if len(true) < 3:
        return []
    rows = np.flatnonzero(case.scored.any(axis=(0, 2)))
    peak = [np.stack([wave.r_mv[rows] for wave in waves]) for waves in (true, found)]
    st = [np.stack([wave.st_mv[rows] for wave in waves]) for waves in (true, found)]
    rises = [
        np.corrcoef(one, other)[0, 1] if one.std() > 0 and other.std() > 0 else 0.0
        for one, other in zip(peak[0].T, peak[1].T, strict=True)
    ]
    values = {
        "r_height_error_uv": 1000 * np.abs(peak[1] - peak[0]).mean(),
        "st_level_error_uv": 1000 * np.abs(st[1] - st[0]).mean(),
        "r_height_correlation": float(np.mean(rises)),
        # Of a model that answers the mean of all people this is 0; of the truth it is 1.
        "r_height_variance_ratio": float(np.mean(peak[1].var(0) / peak[0].var(0))),
    }
    return [
        Figure(case.name, metric, float(value), len(true), case.model, DATA)
        for metric, value in values.items()
    ]


def _uncertainty_figures(case: CompletedCase) -> list[Figure]:
    """How often the truth lies within the stated deviation, and whether it tells good from bad."""
    told = case.scored & (case.deviation_mv > 0)
    if not told.any():
        return []
    matrix = high_pass_matrix(case.truth_mv.shape[-1])
    error = np.abs((case.signal_mv - case.truth_mv) @ matrix)
    within = float((error <= case.deviation_mv)[told].mean())
    double = float((error <= 2 * case.deviation_mv)[told].mean())
    usable = told.any(axis=(1, 2))
    count = np.maximum(told.sum(axis=(1, 2)), 1)
    stated = (np.where(told, case.deviation_mv, 0).sum(axis=(1, 2)) / count)[usable]
    missed = (np.where(told, error, 0).sum(axis=(1, 2)) / count)[usable]
    from scipy.stats import spearmanr

    rank = float(spearmanr(stated, missed).statistic) if len(stated) > 2 else float("nan")
    return [
        Figure(case.name, metric, value, int(usable.sum()), case.model, DATA)
        for metric, value in (
            ("within_deviation_share", within),
            ("within_twice_deviation_share", double),
            ("deviation_error_rank_correlation", rank),
        )
    ]


def _downstream_figures(
    case: CompletedCase, ptbxl: PtbXl, patients: NDArray[np.int64], seed: int
) -> list[Figure]:
    """AUROC of MI by the shipped classifier: of true, visible and completed records."""
    import checkpoints
    from learning.inference import open_network

    labels = ptbxl.index.loc[case.ids, "mi"].to_numpy().astype(int)
    if labels.min() == labels.max():
        return []
    classifier = open_network(checkpoints.path("mi_signals"), "cpu")
    probabilities = []
    for signals in (case.truth_mv, case.shown_mv, case.signal_mv):
        logits = [classifier(one[None])[0, 0] for one in signals.astype(np.float32)]
        probabilities.append(1 / (1 + np.exp(-np.array(logits, np.float64))))
    rng = np.random.default_rng(seed)
    figures = []
    for metric, values in zip(
        ("mi_auroc_original", "mi_auroc_visible", "mi_auroc_completed"), probabilities, strict=True
    ):
        found = diagnosis.bootstrap(
            diagnosis.auroc, labels, values, patients, rng, repeats=_REPEATS
        )
        figures.append(
            Figure(case.name, metric, found.value, found.n, case.model, DATA, found.low, found.high)
        )
    found = diagnosis.bootstrap_difference(
        diagnosis.auroc, labels, probabilities[2], probabilities[0], patients, rng, repeats=_REPEATS
    )
    figures.append(
        Figure(
            case.name,
            "mi_auroc_difference",
            found.value,
            found.n,
            case.model,
            DATA,
            found.low,
            found.high,
        )
    )
    return figures
