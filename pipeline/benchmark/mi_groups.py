"""MI by sex, age, wall and quality of the page, and how far probabilities are frequencies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.formats.atomic import atomic_path
from ecg.labels import MI_TERRITORIES
from ecg.metrics import diagnosis as metrics
from pipeline.benchmark.auroc import auroc_figure
from pipeline.benchmark.table import Figure

_DATA = "PTB-XL fold 10"
_AGES = (("under_50", 0, 50), ("50_to_70", 50, 70), ("from_70", 70, 200))
_REPEATS = 300
_LEAST_POSITIVES = 20


def group_figures(
    case: str,
    ptbxl: Any,
    ids: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    seed: int,
    qualities: NDArray[np.float64] | None = None,
) -> list[Figure]:
    """AUROC of MI in groups of people, and of the infarctions of each wall against no MI.

    A group with fewer than twenty infarctions is counted only.

    Args:
        case: what was shown.
        ptbxl: the records.
        ids: which of them.
        probabilities: ``(n,)`` of MI.
        seed: of the bootstrap.
        qualities: ``(n,)`` that the reader gave its pages, NaN where it refused one; pages are
            also told apart by their third of these.
    """
    rows = ptbxl.index.loc[ids]
    mi = rows["mi"].to_numpy()
    age = rows["age_years"].to_numpy(float)
    groups = {sex: (rows["sex"] == sex).to_numpy() for sex in ("female", "male")}
    groups |= {name: (age >= low) & (age < high) for name, low, high in _AGES}
    for wall, codes in MI_TERRITORIES.items():
        named = np.array([bool(codes & set(found)) for found in rows["codes"]])
        groups[wall] = ~mi | named
    if qualities is not None and np.isfinite(qualities).any():
        bounds = np.nanquantile(qualities, (1 / 3, 2 / 3))
        third = np.searchsorted(bounds, qualities, side="right")
        for number, name in enumerate(("lowest", "middle", "highest")):
            groups[f"quality_{name}_third"] = np.isfinite(qualities) & (third == number)
    figures = []
    for name, chosen in groups.items():
        positives, n = int(mi[chosen].sum()), int(chosen.sum())
        figures.append(Figure(f"{case}/{name}", "mi_count", positives, n, "both", _DATA))
        if positives < _LEAST_POSITIVES:
            continue
        patients = rows["patient_id"].to_numpy()[chosen]
        figures.append(
            auroc_figure(
                f"{case}/{name}",
                mi[chosen],
                probabilities[chosen],
                patients,
                _DATA,
                seed,
                _REPEATS,
            )
        )
    return figures


def plot_reliability(path: Path, mi: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> None:
    """Draw the observed rate over the stated probability, for each route.

    Args:
        path: a PNG.
        mi: ``(n,)`` truth.
        probabilities: ``(n, 3)`` of signals, maps and both.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Picture

    picture = Picture(figsize=(4.5, 4.2), layout="constrained")
    FigureCanvasAgg(picture)
    axes = picture.add_subplot()
    axes.plot([0, 1], [0, 1], color="#999", linewidth=1)
    for column, model in enumerate(("signals", "lead maps", "both")):
        points = metrics.reliability(mi, probabilities[:, column])
        stated, observed, _ = zip(*points, strict=True)
        axes.plot(stated, observed, marker="o", label=model)
    axes.set_xlabel("stated probability of MI")
    axes.set_ylabel("observed rate")
    axes.set_title("Recordings of fold 10, ten bins of equal size")
    axes.grid(alpha=0.3)
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        picture.savefig(temporary, format="png", dpi=120)
