"""Charts as office programs draw them, most with a fine grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_DPI = 150


def stock_chart(rng: np.random.Generator) -> Picture:
    """Prices as candles or lines on millimetre-like paper."""
    figure, axes = _figure(rng, fine=True)
    days = int(rng.integers(60, 250))
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.015, days)))
    if rng.random() < 0.5:
        opened = np.append(100, close[:-1])
        low = np.minimum(opened, close) - rng.exponential(0.6, days)
        high = np.maximum(opened, close) + rng.exponential(0.6, days)
        axes.vlines(np.arange(days), low, high, colors="black", linewidth=0.6)
        inks = np.where(close > opened, "forestgreen", "firebrick")
        axes.bar(np.arange(days), close - opened, 0.7, opened, color=inks)
    else:
        axes.plot(close, color="black", linewidth=float(rng.uniform(0.7, 1.6)))
    axes.set_title(str(rng.choice(["ACME Corp. (NYSE)", "Index 2019-2024", "EUR/USD daily"])))
    return _drawn(figure)


def line_chart(rng: np.random.Generator) -> Picture:
    """Several panels of series, as in a laboratory's report, on a fine grid or none."""
    rows = int(rng.integers(1, 7))
    figure, all_axes = _figure(rng, fine=bool(rng.random() < 0.6), rows=rows)
    x = np.linspace(0, 10, 400)
    for axes in np.atleast_1d(all_axes):
        for _ in range(int(rng.integers(1, 4))):
            wave = np.sin(x * rng.uniform(0.5, 8) + rng.uniform(0, 6)) * rng.uniform(0.2, 1)
            axes.plot(x, wave + rng.normal(0, 0.1, len(x)), linewidth=1.0)
        axes.set_ylabel(str(rng.choice(["mV", "T / °C", "p / bar", "I / A", "counts"])))
    return _drawn(figure)


def bar_chart(rng: np.random.Generator) -> Picture:
    """Bars, points or a histogram with a legend."""
    figure, axes = _figure(rng, fine=bool(rng.random() < 0.5))
    kind = int(rng.integers(3))
    if kind == 0:
        axes.bar(np.arange(12), rng.uniform(1, 9, 12), label="Sales")
    elif kind == 1:
        axes.scatter(*rng.normal(0, 1, (2, 200)), s=9, label="Samples")
    else:
        axes.hist(rng.normal(0, 1, 500), 30, label="Frequency")
    axes.legend()
    return _drawn(figure)


def _figure(rng: np.random.Generator, fine: bool, rows: int = 1) -> tuple[Any, Any]:
    """A figure of so many panels, ruled as graph paper where ``fine``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import AutoMinorLocator

    figure = Figure(figsize=(float(rng.uniform(9, 12)), float(rng.uniform(6, 8))), dpi=_DPI)
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, 1)
    ink = str(rng.choice(["tab:red", "tab:green", "tab:blue", "tab:orange", "grey"]))
    for axes in np.atleast_1d(panels):
        if fine:
            axes.xaxis.set_minor_locator(AutoMinorLocator(5))
            axes.yaxis.set_minor_locator(AutoMinorLocator(5))
            axes.grid(True, which="minor", color=ink, alpha=0.3, linewidth=0.4)
        axes.grid(True, which="major", color=ink, alpha=0.7, linewidth=0.8)
        axes.set_axisbelow(True)
    return figure, panels


def _drawn(figure: Any) -> Picture:
    figure.canvas.draw()
    return np.ascontiguousarray(np.asarray(figure.canvas.buffer_rgba())[..., :3])
