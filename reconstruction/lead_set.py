"""The lead arithmetic of networks whose input leads are fixed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ecg.leads import LEADS, LIMB_LEADS, LIMB_LEADS_FROM_I_II
from reconstruction.visible import lead_rows


class LeadSet(nn.Module):
    """Picks the leads that are given, and makes twelve of them and of those predicted.

    Given leads pass through unchanged. Limb leads that follow from two given ones are made by
    Einthoven's and Goldberger's relations. Where one limb lead is given, one other (I or II,
    whichever carries its errors over less) is to be predicted and the four follow from both;
    where none is given, I and II are to be predicted. So the relations always hold, and no given
    lead is ever changed. Between more than two given limb leads that disagree, the others are the
    least-squares fit.

    Args:
        leads: the leads that are given, by name.

    Attributes:
        given: rows of the given leads.
        predicted: rows of the leads that a network has to find.

    Raises:
        ValueError: no lead, an unknown one, or nothing is left to be predicted.
    """

    coefficients: Tensor

    def __init__(self, leads: Sequence[str]) -> None:
        super().__init__()
        self.given = lead_rows(tuple(leads))
        limb = [row for row in self.given if row < len(LIMB_LEADS)]
        predicted = _limb_leads_to_predict(limb)
        chest = [row for row in range(len(LIMB_LEADS), len(LEADS)) if row not in self.given]
        self.predicted = predicted + chest
        if not self.predicted:
            raise ValueError(f"{', '.join(leads)} already give all twelve leads")
        derived = [row for row in range(len(LIMB_LEADS)) if row not in limb + predicted]
        places = self.given + self.predicted + derived
        self._order = [places.index(row) for row in range(len(LEADS))]
        self._basis = [places.index(row) for row in limb + predicted]
        matrix = _from_basis(limb + predicted)[derived].astype(np.float32)
        self.register_buffer("coefficients", torch.from_numpy(matrix), persistent=False)

    def pick(self, signal_mv: Tensor) -> Tensor:
        """Returns the given leads ``(batch, given, samples)`` of ``(batch, 12, samples)`` mV."""
        return signal_mv[:, self.given]

    def assemble(self, given_mv: Tensor, predicted_mv: Tensor) -> Tensor:
        """Returns ``(batch, 12, samples)`` mV of the given and the predicted leads."""
        known = torch.cat([given_mv, predicted_mv.to(given_mv.dtype)], dim=1)
        # Summed lead by lead: matrix products lose precision where they run mixed.
        basis = known[:, self._basis].unsqueeze(1)
        derived = (self.coefficients[:, :, None] * basis).sum(2)
        return torch.cat([known, derived], dim=1)[:, self._order]


def _from_basis(rows: list[int]) -> np.ndarray:
    """``(6, rows)``: the limb leads from some of them, by least squares."""
    return LIMB_LEADS_FROM_I_II @ np.linalg.pinv(LIMB_LEADS_FROM_I_II[rows])


def _limb_leads_to_predict(given: list[int]) -> list[int]:
    if len(given) >= 2:
        return []
    if not given:
        return [0, 1]
    others = [row for row in (1, 0) if row != given[0]]
    return [min(others, key=lambda row: float(np.abs(_from_basis([*given, row])).sum()))]
