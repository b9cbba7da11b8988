"""How well the looks see: fold-9 pages, whole-class overlap and trace distance in pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipeline.benchmark import BenchmarkError
from pipeline.benchmark.table import Figure, write_figures

if TYPE_CHECKING:
    from pipeline.options import BenchmarkOptions

RECORDS = 48
_DATA = "generated pages, PTB-XL fold 9"


def measure_segmentation(options: BenchmarkOptions) -> Path:
    """Evaluate the shipped looks on fold-9 crops, write ``segmentation.csv`` and a picture."""
    import torch

    import checkpoints
    from segmentation.layout_look import LayoutLookTask
    from segmentation.page_look import CLASSES, PageLookExamples, PageLookTask
    from segmentation.pages import load_source
    from segmentation.trace_look import TraceLookTask

    if options.data is None:
        raise BenchmarkError("this benchmark needs PTB-XL: name its folder with --data")
    source = load_source(str(options.data), "validation", options.count or RECORDS)
    figures = []
    for name, task_class in (
        ("page_look", PageLookTask),
        ("layout_look", LayoutLookTask),
        ("trace_look", TraceLookTask),
    ):
        network = checkpoints.load(name).eval()
        task = task_class(source, source, {})
        with torch.inference_mode():
            measured = task.validation(network)
        figures += [
            Figure(f"fold9/{name}", key, float(value), len(source), name, _DATA)
            for key, value in measured.items()
        ]
    examples = PageLookExamples(source)
    network = checkpoints.load("page_look").eval()
    tiles = []
    for number in range(6):
        picture, _ = examples.example(number, np.random.default_rng([9, 100 + number]))
        with torch.inference_mode():
            seen = network(picture[None])[0].sigmoid().numpy()
        image = (picture.numpy().transpose(1, 2, 0) * 255).astype(np.uint8)
        by_name = dict(zip(CLASSES, seen, strict=True))
        colours = np.stack([by_name["grid_x"], by_name["grid_y"], by_name["trace"]], axis=-1)
        tiles.append(np.hstack([image, (colours * 255).astype(np.uint8)]))
    sheet = np.vstack([np.hstack(tiles[k : k + 2]) for k in range(0, 6, 2)])
    options.out.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(options.out / "segmentation.jpg"), sheet[..., ::-1])
    return write_figures(options.out / "segmentation.csv", figures)
