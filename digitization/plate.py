"""A smooth surface through what a homography leaves of the grid: a thin plate with creases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import solveh_banded
from threadpoolctl import threadpool_limits

FloatArray = NDArray[np.float64]

_STIFFNESSES = (0.03, 0.3, 3.0, 30.0, 300.0)
_AS_GOOD = 1.04
_CREASE = 2.0
_HELD_BACK = 0.2
_LEAST_KNOWN = 12


def smooth_surface(table: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """The surface of little bending through residuals on the lattice, some of them wrong.

    A discrete thin plate, as stiff as foretells best the residuals in blocks of cells that are
    held back: a scan is flat, a crumpled sheet is not. Folds stay sharp. Beyond what is known it
    goes on as straight as it can.

    Args:
        table: ``(rows, columns, 2)`` residuals.
        known: ``(rows, columns)`` where there are any.
    """
    if known.shape[0] > known.shape[1]:
        return smooth_surface(table.swapaxes(0, 1), known.T).swapaxes(0, 1)
    # Threads cost these small systems more than they give.
    with threadpool_limits(1, "blas"):
        return _best_plate(table, known)


def _best_plate(table: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """The stiffest plate of those that foretell best what is held back, with creases."""
    bending = _Bending(*known.shape)
    blocks = np.random.default_rng(0).random((known.shape[0] // 3 + 1, known.shape[1] // 3 + 1))
    held = np.kron(blocks < _HELD_BACK, np.ones((3, 3), bool))
    held = held[: known.shape[0], : known.shape[1]] & known
    stiffness = _STIFFNESSES[len(_STIFFNESSES) // 2]
    if held.any() and (known & ~held).sum() > _LEAST_KNOWN:
        tried = [_plate(table, known & ~held, bending, k, turns=2) for k in _STIFFNESSES]
        errors = [np.linalg.norm(table - plate, axis=2)[held] for plate in tried]
        limit = 4 * min(float(np.median(error)) for error in errors) + 1e-6
        losses = [float((np.minimum(error, limit) ** 2).mean()) for error in errors]
        # Neighbouring crossings err alike, so what is held back speaks for too soft a plate.
        stiffness = max(
            k
            for k, loss in zip(_STIFFNESSES, losses, strict=True)
            if loss <= _AS_GOOD * min(losses)
        )
    return _plate(table, known, bending, stiffness, turns=4, creases=True)


def _plate(
    table: FloatArray,
    known: NDArray[np.bool_],
    bending: _Bending,
    stiffness: float,
    turns: int,
    creases: bool = False,
) -> FloatArray:
    """A thin plate fitted by reweighting: Huber's weights first, then Tukey's.

    Tukey's drop what is still far off. With creases a sharp bend costs its size and not the square
    of it, so folds stay sharp between faces that are flat.
    """
    values = table.transpose(1, 0, 2).reshape(-1, 2)
    there = known.T.ravel()
    weight = there.astype(np.float64)
    surface = np.zeros_like(values)
    form = bending.even
    for turn in range(2 * turns):
        if creases and turn > 0:
            form = bending.creased(surface)
        normal = stiffness * form
        normal[0] += weight + 1e-9
        surface = solveh_banded(
            normal, weight[:, None] * values, lower=True, overwrite_ab=True, check_finite=False
        )
        error = np.linalg.norm(values - surface, axis=1)
        share = error / (float(np.median(error[there])) / 1.177 + 1e-6)
        if turn < turns:
            weight = there * np.minimum(1, 1.5 / np.maximum(share, 1e-9))
        else:
            weight = there * (1 - np.clip(share / 4, 0, 1) ** 2) ** 2
    return surface.reshape(known.shape[1], known.shape[0], 2).transpose(1, 0, 2)


class _Bending:
    """What the bending of a surface on a lattice costs, node after node down the columns.

    Attributes:
        even: ``(2 rows + 1, rows columns)`` diagonals of the quadratic form, from the main one
            down.
    """

    def __init__(self, rows: int, columns: int) -> None:
        def differences(order: int, count: int) -> sparse.dia_matrix:
            stencil = {1: [-1.0, 1.0], 2: [1.0, -2.0, 1.0]}[order]
            return sparse.diags(stencil, range(order + 1), shape=(count - order, count))

        across = sparse.kron(differences(2, columns), sparse.identity(rows))
        down = sparse.kron(sparse.identity(columns), differences(2, rows))
        twist = sparse.kron(differences(1, columns), differences(1, rows))
        self._bends = sparse.vstack([across, down, np.sqrt(2) * twist]).tocsr()
        self._rows = rows
        self.even = self._diagonals(self._bends)

    def creased(self, surface: FloatArray) -> FloatArray:
        """The same where bends far above the usual one of a surface ``(nodes, 2)`` cost less."""
        bend = np.linalg.norm(self._bends @ surface, axis=1)
        usual = _CREASE * float(np.median(bend)) + 1e-9
        return self._diagonals(
            sparse.diags(np.sqrt(np.minimum(1, usual / np.maximum(bend, 1e-12)))) @ self._bends
        )

    def _diagonals(self, bends: sparse.csr_matrix) -> FloatArray:
        form = (bends.T @ bends).tocsr()
        rows = self._rows
        banded = np.zeros((2 * rows + 1, form.shape[0]))
        for offset in (0, 1, 2, rows - 1, rows, rows + 1, 2 * rows):
            diagonal = form.diagonal(-offset)
            banded[offset, : len(diagonal)] = diagonal
        return banded
