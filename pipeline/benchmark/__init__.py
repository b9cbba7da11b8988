"""Benchmarks: every figure of the documents is written by one of these into ``results/``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.options import BenchmarkOptions


class BenchmarkError(ValueError):
    """A benchmark that cannot be run as asked; the message is one sentence for the user."""


def run(name: str, options: BenchmarkOptions) -> Path:
    """Run a benchmark.

    Args:
        name: which.
        options: where the data are and how many cases to take.

    Returns:
        The CSV written.

    Raises:
        BenchmarkError: there is no such benchmark yet, or not what it needs.
    """
    if name == "digitization":
        from pipeline.benchmark.digitization import measure_digitization

        return measure_digitization(options)
    if name == "mi":
        from pipeline.benchmark.mi import measure_mi

        return measure_mi(options)
    if name == "speed":
        from pipeline.benchmark.speed import measure_speed

        return measure_speed(options)
    if name == "segmentation":
        from pipeline.benchmark.segmentation import measure_segmentation

        return measure_segmentation(options)
    if name == "generation":
        from pipeline.benchmark.generation import measure_generation

        return measure_generation(options)
    if name == "reconstruction":
        from pipeline.benchmark.reconstruction import measure_reconstruction

        return measure_reconstruction(options)
    raise BenchmarkError(
        f"there is no benchmark {name!r} yet; "
        "choose generation, segmentation, digitization, mi, reconstruction or speed"
    )
