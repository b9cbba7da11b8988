"""How well myocardial infarction is told: from signals, clean pages and phone photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from classification.mi import MiClassifier, MiPrediction
from ecg.lead_maps import LeadMaps, draw_lead_maps
from ecg.leads import LEADS
from ecg.metrics import diagnosis as metrics
from pipeline.benchmark import BenchmarkError
from pipeline.benchmark.auroc import auroc_figure
from pipeline.benchmark.cases import parse_case
from pipeline.benchmark.mi_findings import finding_figures
from pipeline.benchmark.mi_groups import group_figures, plot_reliability
from pipeline.benchmark.pages import read_all, readings_folder
from pipeline.benchmark.records import open_ptbxl, stratified_order
from pipeline.benchmark.table import Figure, mean_interval, write_figures

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.options import BenchmarkOptions

PAGES = 400
EXPLAINED = 200
TIMED = 10
_FOREMOST = 3
_REPEATS = 500
_INPUTS = {
    "clean_page": "3x4+1/clean",
    "scan": "3x4+1/scan",
    "photo": "3x4+1/photo",
    "hard_photo": "3x4+1/hard_photo",
}
_DATA = "PTB-XL fold 10"


def measure_mi(options: BenchmarkOptions) -> Path:
    """Measure every input asked for and write ``mi.csv`` after each.

    Cases: ``clean_signal``, ``explanation``, ``clean_page``, ``scan``, ``photo``, ``hard_photo``,
    and on other hospitals' ECGs ``recordings`` (``--other-ecgs``) and ``reports``
    (``--paper-images``). Pages that are not read count with the prevalence as their probability:
    they say nothing.

    Raises:
        BenchmarkError: a case that there is not, or whose data were not named.
    """
    path = options.out / "mi.csv"
    cases: dict[str, Callable[[BenchmarkOptions], list[Figure]]] = {
        "clean_signal": _clean_signal,
        "explanation": _explanation_figures,
        **{case: partial(_pages, case=case) for case in _INPUTS},
        "recordings": _recordings,
        "reports": _reports,
    }
    lacking = {
        name
        for name, folder in (("recordings", options.other_ecgs), ("reports", options.paper_images))
        if folder is None
    }
    for case in options.cases or (name for name in cases if name not in lacking):
        if case not in cases:
            raise BenchmarkError(f"no case {case!r}; there are {', '.join(cases)}")
        write_figures(path, cases[case](options))
    return path


def _clean_signal(options: BenchmarkOptions) -> list[Figure]:
    ptbxl = open_ptbxl(options)
    classifier = MiClassifier.load()
    ids = ptbxl.select(split="test", rate_hz=100)
    told = [
        _told(classifier, signal.astype(np.float32) / 1000, 100.0)
        for signal in tqdm(ptbxl.signals(ids, 100), "clean_signal", disable=None)
    ]
    rows = ptbxl.index.loc[ids]
    probabilities = _probabilities(told, 0.0)
    plot_reliability(options.out / "mi_reliability.png", rows["mi"].to_numpy(), probabilities)
    findings = [one.findings for one in told]
    return [
        *_figures("clean_signal", rows, probabilities, 0, options.seed),
        *group_figures("clean_signal", ptbxl, ids, probabilities[:, 2], options.seed),
        *finding_figures("clean_signal", rows, findings, _DATA, options.seed),
    ]


def _pages(options: BenchmarkOptions, case: str) -> list[Figure]:
    ptbxl = open_ptbxl(options)
    classifier = MiClassifier.load()
    ids = np.array(stratified_order(ptbxl, options.seed)[: options.count or PAGES])
    rows = ptbxl.index.loc[ids]
    records = (ptbxl.record(int(ecg_id), 500) for ecg_id in ids)
    pages = parse_case(_INPUTS[case])
    told: list[MiPrediction | None] = []
    truly: dict[str, list[float]] = {"recordings": [], "windows": []}
    seconds: dict[str, list[float]] = {"diagnosis": [], "explanation": []}
    qualities: list[float] = []
    read = read_all(records, pages, options.seed, options.out, options.workers)
    for ecg_id, page in zip(ids, read, strict=True):
        recording = ptbxl.record(int(ecg_id), 500).signal_mv.astype(np.float32)
        truly["recordings"].append(classifier.predict(recording, 500.0, None).probability)
        qualities.append(page.figures.quality)
        if page.status != "read":
            told.append(None)
            truly["windows"].append(float(rows["mi"].mean()))
            continue
        window = _where_read(recording, page.signal_mv)
        truly["windows"].append(_told(classifier, window, 500.0).probability)
        maps = _maps_of(page.signal_mv, 500.0)
        began = perf_counter()
        told.append(classifier.predict(page.signal_mv, 500.0, maps))
        seconds["diagnosis"].append(perf_counter() - began)
        if len(seconds["explanation"]) < TIMED:
            began = perf_counter()
            classifier.explain(page.signal_mv, 500.0, maps)
            seconds["explanation"].append(perf_counter() - began)
    failed = sum(one is None for one in told)
    probabilities = _probabilities(told, float(rows["mi"].mean()))
    findings = [None if one is None else one.findings for one in told]
    return [
        *_figures(case, rows, probabilities, failed, options.seed),
        *_covered(case, rows, told, options.seed),
        *_paired(case, rows, probabilities[:, 2], truly, options.seed),
        *group_figures(case, ptbxl, ids, probabilities[:, 2], options.seed, np.array(qualities)),
        *(
            Figure(case, f"{name}_seconds_median", float(np.median(each)), len(each), "both", _DATA)
            for name, each in seconds.items()
            if each
        ),
        *finding_figures(case, rows, findings, _DATA, options.seed),
    ]


def _covered(
    case: str, rows: pd.DataFrame, told: Sequence[MiPrediction | None], seed: int
) -> list[Figure]:
    """AUROC over the pages that were read, and the share that they are."""
    read = np.array([one is not None for one in told])
    chance = np.array([one.probability for one in told if one is not None])
    figures = [Figure(case, "coverage_percent", 100 * float(read.mean()), len(read), "both", _DATA)]
    truth = rows["mi"].to_numpy()[read]
    if 0 < truth.sum() < len(truth):
        patients = rows["patient_id"].to_numpy()[read]
        figures.append(
            auroc_figure(case, truth, chance, patients, _DATA, seed, _REPEATS, "auroc_of_read")
        )
    return figures


def _paired(
    case: str,
    rows: pd.DataFrame,
    chance: NDArray[np.float64],
    truly: dict[str, list[float]],
    seed: int,
) -> list[Figure]:
    """What paper costs: AUROC on the recordings, whole and where they were read, and the loss.

    Args:
        case: what was read.
        rows: of the records.
        chance: ``(n,)`` probabilities from what was read.
        truly: the same from the ``recordings`` and their ``windows``.
        seed: of the bootstrap.
    """
    truth, patients = rows["mi"].to_numpy(), rows["patient_id"].to_numpy()
    figures = []
    for name, of_truth in truly.items():
        true = np.array(of_truth)
        figures.append(
            auroc_figure(case, truth, true, patients, _DATA, seed, _REPEATS, f"auroc_of_{name}")
        )
        lost = metrics.bootstrap_difference(
            metrics.auroc,
            truth,
            true,
            chance,
            patients,
            np.random.default_rng(seed),
            repeats=_REPEATS,
        )
        metric = f"auroc_lost_to_{name}"
        figures.append(Figure(case, metric, lost.value, lost.n, "both", _DATA, lost.low, lost.high))
    return figures


def _where_read(
    recording_mv: NDArray[np.float32], read_mv: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A recording where a page was read, else NaN."""
    shown = np.full_like(recording_mv, np.nan)
    common = min(recording_mv.shape[1], read_mv.shape[1])
    seen = np.isfinite(read_mv[:, :common])
    shown[:, :common][seen] = recording_mv[:, :common][seen]
    return shown


def _recordings(options: BenchmarkOptions) -> list[Figure]:
    from pipeline.benchmark.mi_external import recordings_figures
    from pipeline.diagnoser import Diagnoser

    if options.other_ecgs is None:
        raise BenchmarkError("case recordings needs --other-ecgs FOLDER")
    return recordings_figures(options.other_ecgs, Diagnoser.load(), options.seed)


def _reports(options: BenchmarkOptions) -> list[Figure]:
    from pipeline.benchmark.mi_external import reports_figures
    from pipeline.digitizer import Digitizer

    if options.paper_images is None:
        raise BenchmarkError("case reports needs --paper-images FOLDER")
    return reports_figures(
        options.paper_images,
        Digitizer.load().digitize,
        partial(_told, MiClassifier.load()),
        readings_folder(options.out),
        options.seed,
        options.count,
    )


def _explanation_figures(options: BenchmarkOptions) -> list[Figure]:
    """What the probability loses without the three leads named, and without three at random."""
    ptbxl = open_ptbxl(options)
    classifier = MiClassifier.load()
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


def _told(classifier: MiClassifier, signal_mv: NDArray[np.float32], rate_hz: float) -> MiPrediction:
    """What both routes say of signals, drawn as lead maps for the one."""
    return classifier.predict(signal_mv, rate_hz, _maps_of(signal_mv, rate_hz))


def _maps_of(signal_mv: NDArray[np.float32], rate_hz: float) -> LeadMaps:
    """Lead maps of signals, each from where it begins."""
    finite = np.isfinite(signal_mv)
    starts = np.where(finite.any(axis=1), finite.argmax(axis=1) / rate_hz, np.nan)
    return draw_lead_maps(signal_mv, rate_hz, starts)


def _probabilities(told: Sequence[MiPrediction | None], says_nothing: float) -> NDArray[np.float64]:
    """Probability of the two routes and of both together, and the decision: 1, 0 or NaN."""
    decisions = {"mi": 1.0, "no_mi": 0.0}
    return np.array(
        [
            (says_nothing, says_nothing, says_nothing, np.nan)
            if one is None
            else (
                one.signal_probability,
                one.maps_probability,
                one.probability,
                decisions.get(one.decision, np.nan),
            )
            for one in told
        ],
        np.float64,
    )


def _figures(
    case: str, rows: pd.DataFrame, probabilities: NDArray[np.float64], failed: int, seed: int
) -> list[Figure]:
    truth = rows["mi"].to_numpy()
    patients = rows["patient_id"].to_numpy()
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
                interval = metrics.bootstrap(metric, truth, values, patients, rng, repeats=_REPEATS)
                low, high = float(interval.low), float(interval.high)
            value = float(metric(truth, values))
            figures.append(Figure(case, name, value, len(rows), model, _DATA, low, high))
    decided = np.isfinite(probabilities[:, 3])
    said = probabilities[decided, 3] == 1
    for name, value, n in (
        ("cannot_tell_percent", 100 * (1 - decided.mean()), len(rows)),
        ("sensitivity_decided", said[truth[decided]].mean(), int(truth[decided].sum())),
        ("specificity_decided", (~said)[~truth[decided]].mean(), int((~truth[decided]).sum())),
    ):
        figures.append(Figure(case, name, float(value), n, "both", _DATA))
    figures.append(Figure(case, "pages_not_read", float(failed), len(rows), "both", _DATA))
    return figures
