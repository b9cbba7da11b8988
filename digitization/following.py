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
from scipy.signal import lfilter

FloatArray = NDArray[np.float32]

_STAYS = 0.97
_JUMPS = 1e-4
_DOUBT = 1e-3
_LEAST_SHARE = 0.005
_SEEN = 0.01
_STROKE_PX = 100


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
    heights, none = columns[:, :-1], columns[:, -1:]
    # Where no column sees a trace, none is looked for: most of a tall strip is empty paper.
    seen = np.flatnonzero(heights.max(axis=(0, 2)) > _SEEN)
    first, last = (seen[0], seen[-1]) if len(seen) else (0, heights.shape[1] - 1)
    heights = np.ascontiguousarray(heights[:, first : last + 1])
    evidence = heights + _DOUBT * (none + 0.02)
    evidence = evidence / evidence.max(axis=1, keepdims=True)
    posterior = _forward_backward(evidence, columns.shape[1] - 1)
    rows = np.arange(first, last + 1, dtype=np.float32)[None, :, None]
    top = posterior.max(axis=1, keepdims=True)
    likeliest = first + posterior.argmax(axis=1)[:, None]
    chosen = (posterior > _LEAST_SHARE * top) & (np.abs(rows - likeliest) <= _STROKE_PX)
    weight = posterior * chosen
    centre = (weight * rows).sum(axis=1) / weight.sum(axis=1)
    confidence = (heights * chosen).sum(axis=1)
    return centre, 1 - none[:, 0], np.clip(confidence, 0, 1)


def _forward_backward(evidence: FloatArray, possible: int) -> FloatArray:
    """``(rows, heights, width)`` likelihoods to the posterior of each height.

    Both directions go together: one from the first column, the other from the last. A move's
    likelihood falls by one factor a pixel, so all moves are a recursive filter up and one down.
    A jump is as likely to each of the ``possible`` heights, those left out included.
    """
    rows, heights, width = evidence.shape
    stays = np.float32((1 - _JUMPS) * (1 - _STAYS) / (1 + _STAYS))
    along = np.ascontiguousarray(evidence.transpose(2, 0, 1), dtype=np.float32)
    forward, backward = np.empty_like(along), np.empty_like(along)
    belief = np.full((2, rows, heights), 1 / heights, np.float32)
    recursion = np.array([1, -_STAYS], np.float32)
    for column, last in enumerate(reversed(range(width))):
        backward[last] = belief[1]
        belief[1] *= along[last]
        both_ways = np.stack([belief, belief[..., ::-1]])
        up, down = lfilter(recursion[:1], recursion, both_ways)
        jumps = np.float32(_JUMPS / possible) * belief.sum(axis=2, keepdims=True)
        belief = stays * (up + down[..., ::-1] - belief) + jumps
        belief[0] *= along[column]
        belief /= belief.sum(axis=2, keepdims=True)
        forward[column] = belief[0]
    forward *= backward
    forward /= forward.sum(axis=2, keepdims=True)
    return forward.transpose(1, 2, 0)
