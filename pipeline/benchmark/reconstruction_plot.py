"""Correlation of every lead, a bar a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ecg.formats.atomic import atomic_path
from ecg.leads import LEADS


def plot_leads(path: Path, title: str, curves: Mapping[str, Mapping[str, float]]) -> None:
    """Write a bar chart.

    Args:
        path: a PNG.
        title: of the chart.
        curves: correlation by lead, by model.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Picture

    leads = [lead for lead in LEADS if any(lead in curve for curve in curves.values())]
    picture = Picture(figsize=(8, 3.2), layout="constrained")
    FigureCanvasAgg(picture)
    axes = picture.add_subplot()
    width = 0.8 / max(len(curves), 1)
    for number, (model, curve) in enumerate(curves.items()):
        places = np.arange(len(leads)) + (number - (len(curves) - 1) / 2) * width
        axes.bar(places, [curve.get(lead, np.nan) for lead in leads], width, label=model)
    axes.set_xticks(range(len(leads)), leads)
    axes.set_ylim(0, 1)
    axes.set_ylabel("Pearson correlation")
    axes.set_title(f"Leads that were neither given nor derivable: {title}")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(ncols=4, loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        picture.savefig(temporary, format="png", dpi=120)
