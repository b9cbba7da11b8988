"""How well myocardial infarction is told: from signals, clean pages and phone photos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecg.leads import LEADS
from ecg.metrics import diagnosis as metrics
from pipeline.benchmark.cases import parse_case
from pipeline.benchmark.mi_groups import group_figures, plot_reliability
from pipeline.benchmark.pages import read_all
from pipeline.benchmark.records import open_ptbxl, stratified_order
from pipeline.benchmark.table import Figure, mean_interval, write_figures

if TYPE_CHECKING:
    from pipeline.options import BenchmarkOptions

PAGES = 400
EXPLAINED = 200
_FOREMOST = 3
_INPUTS = {"clean_page": "3x4+1/clean", "photo": "3x4+1/photo"}
_DATA = "PTB-XL fold 10"


def measure_mi(options: BenchmarkOptions) -> Path:
    """Measure every input asked for and write ``mi.csv``.

    Pages that are not read count with the prevalence as their probability: they say nothing.
    """
    from classification.mi import MiClassifier

    ptbxl = open_ptbxl(options)
    classifier = MiClassifier.load()
    path = options.out / "mi.csv"
    cases = options.cases or ("clean_signal", "explanation", *_INPUTS)
    if "clean_signal" in cases:
        ids = ptbxl.select(split="test", rate_hz=100)
        signals = ptbxl.signals(ids, 100)
        rows = [
            _probabilities(classifier, signal.astype(np.float32) / 1000, 100.0)
            for signal in signals
        ]
        probabilities = np.array(rows)
        figures = _figures("clean_signal", ptbxl, ids, probabilities, 0, options.seed)
        figures += group_figures("clean_signal", ptbxl, ids, probabilities[:, 2], options.seed)
        write_figures(path, figures)
        truth = ptbxl.index.loc[ids, "mi"].to_numpy()
        plot_reliability(options.out / "mi_reliability.png", truth, probabilities)
    if "explanation" in cases:
        write_figures(path, _explanation_figures(classifier, ptbxl, options))
    wanted = [case for case in cases if case in _INPUTS]
    for case in wanted:
        pages = parse_case(_INPUTS[case])
        ids = np.array(stratified_order(ptbxl, options.seed)[: options.count or PAGES])
        prevalence = float(ptbxl.index.loc[ids, "mi"].mean())
        records = (ptbxl.record(int(ecg_id), 500) for ecg_id in ids)
        rows, failed = [], 0
        for page in read_all(records, pages, options.seed, options.out, options.workers):
            if page.status == "read":
                rows.append(_probabilities(classifier, page.signal_mv, 500.0))
            else:
                failed += 1
                rows.append((prevalence, prevalence, prevalence, np.nan))
        write_figures(path, _figures(case, ptbxl, ids, np.array(rows), failed, options.seed))
    return path


def _explanation_figures(classifier: Any, ptbxl: Any, options: BenchmarkOptions) -> list[Figure]:
    """What the probability loses without the three leads named, and without three at random."""
    rng = np.random.default_rng(options.seed)
    losses: dict[str, list[float]] = {"foremost": [], "random": []}
    for ecg_id in ptbxl.select(split="test", rate_hz=100):
        record = ptbxl.signals(np.array([ecg_id]), 100)[0].astype(np.float32) / 1000
        before = classifier.predict(record, 100.0, None)
        if before.decision != "mi":
            continue
        foremost = classifier.explain(record, 100.0, None).foremost(_FOREMOST)
        rows = [LEADS.index(lead) for lead in foremost]
        at_random = rng.choice(len(LEADS), len(rows), replace=False)
        for name, chosen in (("foremost", rows), ("random", at_random)):
            without = record.copy()
            without[chosen] = np.nan
            after = classifier.predict(without, 100.0, None)
            losses[name].append(before.signal_probability - after.signal_probability)
        if len(losses["random"]) >= (options.count or EXPLAINED):
            break
    return [
        Figure(
            "explanation",
            f"probability_lost_without_{name}_leads",
            float(np.mean(values)),
            len(values),
            "signal",
            _DATA,
            *mean_interval(values, options.seed),
        )
        for name, values in losses.items()
    ]


def _probabilities(
    classifier: Any, signal_mv: NDArray[np.float32], rate_hz: float
) -> tuple[float, float, float, float]:
    """Probability of the two routes and of both together, and the decision: 1, 0 or NaN."""
    from ecg.lead_maps import draw_lead_maps

    finite = np.isfinite(signal_mv)
    starts = np.where(finite.any(axis=1), finite.argmax(axis=1) / rate_hz, np.nan)
    found = classifier.predict(signal_mv, rate_hz, draw_lead_maps(signal_mv, rate_hz, starts))
    decision = {"mi": 1.0, "no_mi": 0.0}.get(found.decision, np.nan)
    return found.signal_probability, found.maps_probability, found.probability, decision


def _figures(
    case: str,
    ptbxl: Any,
    ids: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    failed: int,
    seed: int,
) -> list[Figure]:
    truth = ptbxl.index.loc[ids, "mi"].to_numpy()
    patients = ptbxl.index.loc[ids, "patient_id"].to_numpy()
    figures = []
    for column, model in enumerate(("signal", "maps", "both")):
        values = probabilities[:, column]
        for name, metric in (
            ("auroc", metrics.auroc),
            ("auprc", metrics.auprc),
            ("ece", metrics.expected_calibration_error),
            ("brier", metrics.brier),
            ("calibration_slope", metrics.calibration_slope),
            ("sensitivity_at_90_specificity", metrics.sensitivity_at_specificity),
            ("specificity_at_90_sensitivity", metrics.specificity_at_sensitivity),
        ):
            low = high = None
            if name == "auroc":
                rng = np.random.default_rng(seed)
                interval = metrics.bootstrap(metric, truth, values, patients, rng, repeats=500)
                low, high = float(interval.low), float(interval.high)
            value = float(metric(truth, values))
            figures.append(Figure(case, name, value, len(ids), model, _DATA, low, high))
    decided = np.isfinite(probabilities[:, 3])
    said = probabilities[decided, 3] == 1
    for name, value, n in (
        ("cannot_tell_percent", 100 * (1 - decided.mean()), len(ids)),
        ("sensitivity_decided", said[truth[decided]].mean(), int(truth[decided].sum())),
        ("specificity_decided", (~said)[~truth[decided]].mean(), int((~truth[decided]).sum())),
    ):
        figures.append(Figure(case, name, float(value), n, "both", _DATA))
    figures.append(Figure(case, "pages_not_read", float(failed), len(ids), "both", _DATA))
    return figures
