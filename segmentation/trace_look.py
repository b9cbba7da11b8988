"""Trace look: for every column of a strip about one row, where its trace lies.

Columns are finer than rows: QRS complexes are steep, and a stroke that is half a pixel late is a
millimetre wrong in height.

The network answers with a score for each height in a column and one for "no trace here"; a
softmax over them is a distribution, whose local mean is the centre line below the pixel and
whose mass and width are the confidence. It is trained on coordinates, not on masks: the target
is a narrow Gaussian about the true height.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from torch import Tensor, nn
from torch.utils.data import default_collate

from dataset_generation.page import Page, TraceTruth
from digitization.rows import COLUMNS_PER_MM, PIXELS_PER_MM
from ecg.page_geometry import PageGeometry
from ecg.record import Record
from learning.training import ExampleDataset, Task
from segmentation.layout_look import as_found, take_rectified
from segmentation.page_look import to_tensor
from segmentation.pages import RecordSource, sample_photo_of
from segmentation.replay import Replayed

STRIP_MM = 48.0
HEIGHT = int(STRIP_MM * PIXELS_PER_MM)
WIDTH = 512
_TALL_SHARE = 0.6
_BEYOND_MM = 20.0
_HIGH_GAIN_SHARE = 0.25
_TARGET_SIGMA_PX = 1.0
_LEAST_SHARE = 0.05
_STROKE = 60
_END_WEIGHT = 4.0
_VALIDATION_STRIPS = 192
_NEAR_MM = 2.0
_DECIBELS = 0.05
_LEAST_SQUARE = 0.02
_WIGGLE_MM = (0.02, 0.25)  # between the creases of folded or crumpled paper


def strip_truth(
    page: Page,
    row: int,
    left_mm: float,
    top_mm: float,
    size: tuple[int, int],
    seen_at: Callable[[NDArray[np.float64]], NDArray[np.float64]] = np.asarray,
) -> NDArray[np.float32]:
    """Height of a row's trace in every column of a strip of ``(columns, rows)``.

    Args:
        page: what is printed.
        row: the row.
        left_mm, top_mm: page position of the strip's first pixel.
        size: columns and rows.
        seen_at: where the strip shows points of the page, in mm, where its geometry errs.

    Returns:
        ``(columns,)`` pixel rows, NaN where the row has no trace or it leaves the strip.
    """
    columns, rows = size
    x = left_mm + np.arange(columns) / COLUMNS_PER_MM
    y = np.full(columns, np.nan)
    for trace in page.traces:
        if trace.row != row or len(trace.points_mm) < 2:
            continue
        points = seen_at(trace.points_mm)
        inside = (x >= points[0, 0]) & (x <= points[-1, 0])
        y[inside] = np.interp(x[inside], points[:, 0], points[:, 1])
    pixel = (y - top_mm) * PIXELS_PER_MM
    pixel[(pixel < 0) | (pixel > rows - 1)] = np.nan
    return pixel.astype(np.float32)


def height_channel(height: int, width: int) -> Tensor:
    """``(1, height, width)``: distance from the strip's middle, -1 to 1 over ``HEIGHT``."""
    half = (height - 1) / 2
    return ((torch.arange(height) - half) / ((HEIGHT - 1) / 2))[None, :, None].expand(
        1, height, width
    )


class TraceLookExamples(ExampleDataset):
    """Strips of rectified photos with the true heights of their middle row.

    Most are ``(HEIGHT, WIDTH)``; rows whose waves leave such a strip are also seen in strips
    twice as high and half as wide, as the reader looks at them once more.
    """

    def __init__(self, source: RecordSource) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def example(self, index: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """One ``(4, h, w)`` strip and its ``(w,)`` heights (NaN = none)."""
        scale = float(np.exp(rng.uniform(np.log(3.2), np.log(16.0))))
        record = varied(self.source.record(index), rng)
        photo = sample_photo_of(record, rng, scale, pages=self.source.pages)
        page = photo.page
        traces = [trace for trace in page.traces if len(trace.points_mm) > 1]
        # Tall complexes are rare and decide the score: rows of them are drawn more often.
        heights = np.array([np.ptp(trace.points_mm[:, 1]) for trace in traces]) + 6
        chosen = traces[int(rng.choice(len(traces), p=heights / heights.sum()))]
        row_traces = [trace for trace in traces if trace.row == chosen.row]
        level = float(np.median(np.concatenate([t.points_mm[:, 1] for t in row_traces])))
        farthest = max(float(np.abs(t.points_mm[:, 1] - level).max()) for t in row_traces)
        tall = farthest > _BEYOND_MM and rng.random() < _TALL_SHARE
        width, height = (WIDTH // 2, 2 * HEIGHT) if tall else (WIDTH, HEIGHT)
        start = row_traces[0].points_mm[0, 0]
        stop = row_traces[-1].points_mm[-1, 0]
        width_mm = width / COLUMNS_PER_MM
        first, last = start - 14, max(stop - width_mm + 14, start - 13)
        left = float(rng.uniform(first, last))
        # What is read wrongly at the ends of a row is often all that is wrong.
        if not tall and rng.random() < 0.35:
            left = float(rng.choice([start - rng.uniform(2, 14), last - rng.uniform(0, 12)]))
        elif tall or rng.random() < 0.5:
            # So is what lies where another row comes near.
            met = _where_rows_meet(row_traces, [t for t in traces if t.row != chosen.row])
            if len(met):
                left = float(rng.choice(met)) - rng.uniform(0.15, 0.85) * width_mm
        top = level - height / PIXELS_PER_MM / 2 + float(np.clip(rng.normal(0, 1.0), -3, 3))
        scales = (COLUMNS_PER_MM, PIXELS_PER_MM)
        true = photo.camera.geometry
        bent = photo.spec.camera.crumple_mm > 0 or len(photo.spec.camera.bends) > 0
        wiggle = float(np.exp(rng.uniform(*np.log(_WIGGLE_MM)))) if bent else 0.0
        found = as_found(true, rng, 0.01, wiggle)
        image = take_rectified(photo, found, left, top, (width, height), scales)
        seen_at = partial(_seen_at, true, found)
        truth = strip_truth(page, chosen.row, left, top, (width, height), seen_at)
        picture = torch.cat([to_tensor(image), height_channel(height, width)])
        return picture, torch.from_numpy(truth)


def _seen_at(
    true: PageGeometry, found: PageGeometry, points_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Where a page rectified by the map found shows points of the page, to first order."""
    here = true.photo_from_page(points_mm)
    slopes = np.stack([true.photo_from_page(points_mm + one) - here for one in np.eye(2)], axis=-1)
    error_px = found.photo_from_page(points_mm) - here
    seen: NDArray[np.float64] = points_mm - np.linalg.solve(slopes, error_px[..., None])[..., 0]
    # Steep strokes that seem to lean backwards have one height in a column, too.
    seen[:, 0] = np.maximum.accumulate(seen[:, 0])
    return seen


def varied(record: Record, rng: np.random.Generator) -> Record:
    """A record with its heights, its pace and its noise changed.

    Most records exist at 100 Hz only: without noise above 50 Hz, and with QRS complexes that are
    less sharp than paper shows them.
    """
    signal = record.signal_mv * float(np.exp(rng.uniform(-0.35, 0.35)))
    if rng.random() < _HIGH_GAIN_SHARE:
        # As drawn at 20 mm/mV, or of thick hearts: waves that reach into the rows beside.
        signal = signal * float(rng.uniform(1.4, 2.2))
    if rng.random() < 0.25:
        signal = -signal
    count = signal.shape[1]
    if rng.random() < 0.35:
        # Faster, and then backwards where the record ends.
        at = np.arange(count) * rng.uniform(1.05, 1.6)
        at = np.where(at > count - 1, 2 * (count - 1) - at, at)
        signal = CubicSpline(np.arange(count), signal, axis=1)(at)
    noise = np.zeros_like(signal)
    if rng.random() < 0.35:
        muscle = rng.standard_normal(signal.shape) * np.exp(
            rng.uniform(np.log(0.002), np.log(0.03))
        )
        noise += muscle + rng.uniform(-0.5, 0.8) * np.roll(muscle, 1, axis=1)
    if rng.random() < 0.12:
        phase = 2 * np.pi * rng.choice([50, 60]) * np.arange(count) / record.rate_hz
        noise += np.exp(rng.uniform(np.log(0.005), np.log(0.04))) * np.sin(phase)
    return replace(record, signal_mv=(signal + noise).astype(np.float32))


def _where_rows_meet(row: list[TraceTruth], others: list[TraceTruth]) -> NDArray[np.float64]:
    """Page positions where a row's traces come near those of other rows."""
    met = [np.empty(0)]
    for one in row:
        x, y = one.points_mm.T
        for other in others:
            other_x, other_y = other.points_mm.T
            near = np.interp(x, other_x, other_y, left=np.inf, right=np.inf)
            met.append(x[np.abs(near - y) < _NEAR_MM])
    return np.concatenate(met)


def column_scores(logits: Tensor) -> Tensor:
    """Scores of every height and of "none": ``(n, 2, h, w)`` to ``(n, h + 1, w)``."""
    none = logits[:, 1].mean(dim=1, keepdim=True)
    return torch.cat([logits[:, 0], none], dim=1)


def read_columns(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Centre line and confidence from the scores.

    Args:
        scores: ``(n, h + 1, w)``.

    Returns:
        ``(n, w)`` heights in pixels: the mean over what is likely about the likeliest, as long
        as a steep stroke may be; and ``(n, w)`` confidence in 0..1: the probability there.
    """
    heights = scores.softmax(dim=1)[:, :-1]
    rows = torch.arange(heights.shape[1], device=scores.device)[None, :, None]
    top, peak = heights.max(dim=1, keepdim=True)
    near = heights * ((heights > _LEAST_SHARE * top) & ((rows - peak).abs() <= _STROKE))
    mass = near.sum(dim=1)
    centre = (near * rows).sum(dim=1) / mass.clamp_min(1e-9)
    return centre, mass.clamp(0, 1)


def coordinate_loss(scores: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy against a Gaussian about the true height, or against "none".

    Returns:
        The loss, and the mean absolute error of the centre line in pixels.
    """
    count = scores.shape[1] - 1
    present = torch.isfinite(truth)
    height = torch.where(present, truth, torch.zeros_like(truth))
    rows = torch.arange(count, device=scores.device)[None, :, None]
    gaussian = torch.exp(-0.5 * ((rows - height[:, None]) / _TARGET_SIGMA_PX) ** 2)
    gaussian = gaussian / gaussian.sum(dim=1, keepdim=True).clamp_min(1e-6)
    gaussian = gaussian * present[:, None]
    target = torch.cat([gaussian, (~present)[:, None].float()], dim=1)
    entropy = -(target * scores.log_softmax(dim=1)).sum(dim=1)
    centre, _ = read_columns(scores)
    error = (centre - height).abs()[present]
    # Columns where the trace is steep decide the peaks: weigh them more.
    slope = torch.zeros_like(height)
    slope[:, 1:] = (height[:, 1:] - height[:, :-1]).abs() * (present[:, 1:] & present[:, :-1])
    weight = 1 + slope.clamp(0, 16) / 2.7
    # The first and the last column of a trace give the time base.
    ends = (present[:, 1:] != present[:, :-1]).float()
    weight[:, 1:] += _END_WEIGHT * ends
    weight[:, :-1] += _END_WEIGHT * ends
    loss = (entropy * weight).sum() / weight.sum()
    if error.numel():
        loss = loss + 0.02 * nn.functional.huber_loss(centre[present], height[present], delta=4.0)
        # Scores count noise in decibels, strip by strip.
        square = ((centre - height).square() * present).sum(1) / present.sum(1).clamp_min(1)
        loss = loss + _DECIBELS * torch.log(square + _LEAST_SQUARE)[present.any(1)].mean()
        return loss, error.mean().detach()
    return loss, loss.detach() * 0


class TraceLookTask(Task):
    """Training of the trace look."""

    network_name = "LookNetwork"
    monitor = ("score", "max")

    def __init__(
        self, train: RecordSource, validation: RecordSource, arguments: Mapping[str, Any]
    ) -> None:
        self.network_arguments = {
            **arguments,
            "in_channels": 4,
            "classes": 2,
            "fold": [4, 1],
            "detail_channels": 32,
        }
        self.metadata = {
            "pixels_per_mm": PIXELS_PER_MM,
            "columns_per_mm": COLUMNS_PER_MM,
            "strip_mm": STRIP_MM,
            "input": "rectified RGB strip in 0..1, 12 columns and 8 rows a mm; a height channel",
        }
        self._train = train
        examples = TraceLookExamples(validation)
        drawn = [
            examples.example(i % len(validation), np.random.default_rng([9, i]))
            for i in range(_VALIDATION_STRIPS)
        ]
        drawn.sort(key=lambda one: one[0].shape)
        self._batches = [
            batch for i in range(0, len(drawn), 8) for batch in self.collate(drawn[i : i + 8])
        ]

    def train_dataset(self) -> ExampleDataset:
        """Training examples, replayed."""
        return Replayed(TraceLookExamples(self._train), fresh=0.6)

    def collate(self, examples: list[Any]) -> list[tuple[Tensor, Tensor]]:
        """A batch: the usual strips, then the tall ones, where there are any."""
        shapes = sorted({picture.shape for picture, _ in examples})
        return [
            default_collate([one for one in examples if one[0].shape == shape]) for shape in shapes
        ]

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """Loss of a batch, each strip counted alike."""
        loss, error, count = torch.zeros(()), 0.0, sum(len(truth) for _, truth in batch)
        for images, truth in batch:
            share = len(truth) / count
            one, its_error = coordinate_loss(column_scores(network(images)), truth)
            loss = loss.to(one.device) + share * one
            error += share * float(its_error)
        return loss, {"error_px": error}

    def validation(self, network: nn.Module) -> dict[str, float]:
        """Figures on fixed validation examples."""
        errors, present_hits, columns, entropy = [], 0.0, 0, 0.0
        decibels = []
        for images, truth in self._batches:
            scores = column_scores(network(images))
            centre, mass = read_columns(scores)
            present = torch.isfinite(truth)
            errors.append((centre - truth).abs()[present])
            for seen, true in zip(centre, truth, strict=True):
                there = torch.isfinite(true)
                if there.sum() > 1:
                    noise = (seen - true)[there].square().mean()
                    decibels.append(10 * torch.log10(true[there].var() / noise))
            present_hits += float(((mass > 0.5) == present).sum())
            columns += truth.numel()
            entropy += float(coordinate_loss(scores, truth)[0]) / len(self._batches)
        error = torch.cat(errors)
        within = float((error < 1).float().mean())
        snr_db = float(torch.stack(decibels).mean())
        presence = present_hits / columns
        return {
            "loss": entropy,
            "error_median_px": float(error.median()),
            "error_mean_px": float(error.clamp_max(40).mean()),
            "error_rms_px": float(error.square().mean().sqrt()),
            "within_1_px": within,
            "presence": presence,
            "snr_db": snr_db,
            "score": snr_db / 20 + presence,
        }
