"""How well the findings beside infarction are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from classification.findings import OTHERS
from classification.targets import ACUTE_INJURY, INFARCT_CODES
from ecg.metrics import diagnosis as metrics
from pipeline.benchmark.auroc import auroc_figure
from pipeline.benchmark.table import Figure

if TYPE_CHECKING:
    import pandas as pd

    from classification.findings import Findings

_LEAST_POSITIVES = 20
_REPEATS = 200


def finding_figures(
    case: str, rows: pd.DataFrame, found: Sequence[Findings | None], data: str, seed: int
) -> list[Figure]:
    """AUROC and calibration error of every finding against all other records.

    A finding with fewer than twenty records is counted only. Pages that were not read say nothing:
    each of their probabilities is the share of the finding.

    Args:
        case: what was shown.
        rows: of ``ecg.ptbxl.PtbXl.index``, with codes.
        found: what was told of each, None where not read.
        data: what the figures are of.
        seed: of the bootstrap.
    """
    figures = []
    for name, truth in _truths(rows).items():
        n, positives = len(truth), int(truth.sum())
        figures.append(Figure(f"{case}/finding/{name}", "count", positives, n, "both", data))
        if positives < _LEAST_POSITIVES:
            continue
        chance = np.array([truth.mean() if one is None else _chance(one, name) for one in found])
        patients = rows["patient_id"].to_numpy()
        figures += [
            auroc_figure(f"{case}/finding/{name}", truth, chance, patients, data, seed, _REPEATS),
            Figure(
                f"{case}/finding/{name}",
                "ece",
                float(metrics.expected_calibration_error(truth, chance)),
                n,
                "both",
                data,
            ),
        ]
    told = [one for one in found if one is not None]
    if told:
        said = [max(one.classes, key=lambda name: one.classes[name]) for one in told]
        target = rows["target"].to_numpy()[[one is not None for one in found]]
        right = float((np.array(said) == target).mean())
        figures.append(
            Figure(f"{case}/finding/three_way", "accuracy", right, len(told), "both", data)
        )
    return figures


def _truths(rows: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    truths = {name: (rows["target"] == name).to_numpy() for name in ("normal", "other")}
    for name in OTHERS:
        truths[name] = np.array([name in found for found in rows["superclasses"]])
    for name, codes in INFARCT_CODES.items():
        truths[name] = np.array([not codes.isdisjoint(found) for found in rows["codes"]])
    return truths


def _chance(found: Findings, name: str) -> float:
    """The probability of one finding."""
    if name == ACUTE_INJURY:
        return found.acute_injury
    return {**found.classes, **found.superclasses, **found.walls}[name]
