"""Following traces: from a distribution over heights in every column to one centre line.

Seen alone, a column where two rows cross says that the trace is here or there. Seen with its
neighbours it does not: a trace has no gaps. The heights of a row are the states of a hidden
Markov chain along the columns, what the trace look says of each column is its evidence, and the
forward-backward algorithm (Rabiner 1989, doi 10.1109/5.18626) gives the distribution of each
height in the light of the whole row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

FloatArray = NDArray[np.float32]

_STAYS = 0.97
_JUMPS = 1e-4
_DOUBT = 1e-3
_LEAST_SHARE = 0.005
_SEEN = 0.01
_STROKE_PX = 100
_STRETCH, _LEAD_IN = 240, 96  # columns


def follow(columns: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Follow the traces of rows.

    Args:
        columns: ``(rows, heights + 1, width)`` probability of each height in each column, the
            last of no trace.

    Returns:
        ``(rows, width)`` centre line in pixels: the mean over what is likely about the
        likeliest, as long as a steep stroke may be; ``(rows, width)`` presence, 0..1, how sure
        it is that there is a trace; and ``(rows, width)`` confidence, 0..1: what the look said
        of the heights chosen, before the neighbours were heard.
    """
    heights, none = columns[:, :-1], columns[:, -1]
    # Where no column sees a trace, none is looked for: most of a tall strip is empty paper.
    seen = np.flatnonzero(heights.max(axis=(0, 2)) > _SEEN)
    first, last = (seen[0], seen[-1]) if len(seen) else (0, heights.shape[1] - 1)
    # Column by column, for that is how they are followed.
    along = np.ascontiguousarray(heights[:, first : last + 1].transpose(2, 0, 1))
    evidence = along + _DOUBT * (none.T[:, :, None] + 0.02)
    weight = _forward_backward(evidence, columns.shape[1] - 1)
    likeliest = weight.argmax(axis=2)[..., None]
    rows = np.arange(along.shape[2], dtype=np.int16)
    kept = weight > _LEAST_SHARE * np.take_along_axis(weight, likeliest, axis=2)
    kept &= np.abs(rows - likeliest.astype(np.int16)) <= _STROKE_PX
    weight *= kept
    centre = first + weight @ rows.astype(np.float32) / weight.sum(axis=2)
    along *= kept
    confidence = along.sum(axis=2)
    return centre.T, 1 - none, np.clip(confidence.T, 0, 1)


def _forward_backward(evidence: FloatArray, possible: int) -> FloatArray:
    """``(width, rows, heights)`` likelihoods to the posterior of each height.

    Both directions go together: one from the first column, the other from the last; and so do
    all stretches of a row, each after a lead-in that tells it what went before. A move's
    likelihood falls by one factor a pixel; a jump is as likely to each of the ``possible``
    heights, those left out included.
    """
    width, rows, heights = evidence.shape
    apart = np.abs(np.subtract.outer(np.arange(heights), np.arange(heights)))
    stays = (1 - _JUMPS) * (1 - _STAYS) / (1 + _STAYS)
    moves = (stays * _STAYS**apart + _JUMPS / possible).astype(np.float32)
    count = max(1, width // _STRETCH)
    length = -(-width // count)
    starts = np.arange(count) * length
    padded = np.ones((count * length + 2 * _LEAD_IN, rows, heights), np.float32)
    padded[_LEAD_IN : _LEAD_IN + width] = evidence
    shape = (count, length, rows, heights)
    forward, backward = np.empty(shape, np.float32), np.empty(shape, np.float32)
    belief = np.full((2, count, rows, heights), 1 / heights, np.float32)
    # So small a product is quicker on one core than shared by several.
    with threadpool_limits(1, "blas"):
        for step in range(-_LEAD_IN, length):
            before = padded[_LEAD_IN + step :: length][:count]
            after = padded[_LEAD_IN + length - 1 - step :: length][:count]
            if step >= 0:
                backward[:, length - 1 - step] = belief[1]
            belief[1] *= after
            belief = (belief.reshape(-1, heights) @ moves).reshape(belief.shape)
            belief[0] *= before
            belief /= belief.sum(axis=3, keepdims=True)
            # Before the first column and behind the last every height is as likely.
            belief[0, starts + step < 0] = 1 / heights
            belief[1, starts + length - 1 - step >= width] = 1 / heights
            if step >= 0:
                forward[:, step] = belief[0]
    forward *= backward
    forward /= forward.sum(axis=3, keepdims=True)
    return forward.reshape(-1, rows, heights)[:width]
