"""The twelve leads, their one order, and the arithmetic that ties the limb leads together.

Einthoven: ``I + III = II``. Goldberger: ``aVR = -(I + II) / 2``, ``aVL = (I - III) / 2``,
``aVF = (II + III) / 2``. All six limb leads are therefore linear in any two of them. Sources:
Einthoven 1912; Goldberger 1942, doi 10.1016/S0002-8703(42)90293-X.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

LIMB_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF")
CHEST_LEADS = ("V1", "V2", "V3", "V4", "V5", "V6")
LEADS = LIMB_LEADS + CHEST_LEADS
LEAD_INDEX = {lead: index for index, lead in enumerate(LEADS)}

CABRERA_ORDER: tuple[tuple[str, int], ...] = (
    ("aVL", 1),
    ("I", 1),
    ("aVR", -1),
    ("II", 1),
    ("aVF", 1),
    ("III", 1),
    *((lead, 1) for lead in CHEST_LEADS),
)
"""Leads in the order of their angle, as (lead, sign): Cabrera prints -aVR, a record holds aVR."""

LIMB_LEADS_FROM_I_II: NDArray[np.float64] = np.array(
    [[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0], [-0.5, -0.5], [1.0, -0.5], [-0.5, 1.0]]
)
"""``(6, 2)``: the limb leads in the order of ``LIMB_LEADS`` from leads I and II."""
LIMB_LEADS_FROM_I_II.flags.writeable = False

_CANONICAL = {lead.casefold(): lead for lead in LEADS}


def canonical_lead(name: str) -> str:
    """The project's spelling of a lead's name.

    Case, surrounding space, a leading ``lead`` and the full stops, hyphens, underscores and
    spaces that some printers put inside (``A.V.R``, ``V-1``, ``Lead II``) are ignored.

    Raises:
        ValueError: if the name is none of the twelve. ``-aVR`` is refused as well: its sign
            would be lost; see ``CABRERA_ORDER``.

    Example:
        >>> canonical_lead(" AVR "), canonical_lead("v1"), canonical_lead("Lead II")
        ('aVR', 'V1', 'II')
    """
    text = name.strip().casefold()
    if text.startswith("-"):
        raise ValueError(f"{name!r} is an inverted lead, not a lead: negate its signal instead")
    key = text.removeprefix("lead").translate(str.maketrans("", "", " .-_"))
    if key not in _CANONICAL:
        raise ValueError(f"{name!r} is not one of the twelve leads {', '.join(LEADS)}")
    return _CANONICAL[key]


def goldberger(lead_i_mv: ArrayLike, lead_ii_mv: ArrayLike) -> NDArray[np.float64]:
    """The six limb leads from leads I and II.

    Args:
        lead_i_mv: ``(...)`` lead I in mV.
        lead_ii_mv: ``(...)`` lead II in mV, the same shape.

    Returns:
        ``(6, ...)`` in the order of ``LIMB_LEADS``, mV; NaN wherever an input is NaN.
    """
    pair = np.stack([np.asarray(lead_i_mv, np.float64), np.asarray(lead_ii_mv, np.float64)])
    limb = np.tensordot(LIMB_LEADS_FROM_I_II, pair, axes=1)
    limb[:, np.isnan(pair).any(axis=0)] = np.nan
    return limb


def derive_limb_leads(signal_mv: NDArray[np.floating]) -> NDArray[np.float32]:
    """Fills the missing samples of the limb leads from those that were measured.

    Works sample by sample: where at least two limb leads are finite, the others follow. With
    more than two the least-squares fit is used, so measurement noise is averaged. What was
    measured is never changed, and chest leads stay as they are.

    Args:
        signal_mv: ``(12, n)`` in mV, NaN = not measured.

    Returns:
        A new ``(12, n)`` float32 array.

    Raises:
        ValueError: if the shape is not ``(12, n)``.

    Example:
        >>> x = np.full((12, 1), np.nan); x[0], x[1] = 0.5, 1.0
        >>> derive_limb_leads(x)[:6, 0].tolist()
        [0.5, 1.0, 0.5, -0.75, 0.0, 0.75]
    """
    _check_twelve(signal_mv)
    result = signal_mv.astype(np.float32, copy=True)
    limb = signal_mv[:6].astype(np.float64)
    known = np.isfinite(limb)
    codes = (1 << np.arange(6)) @ known
    for code in np.unique(codes):
        is_known = (code >> np.arange(6) & 1).astype(bool)
        rows, missing = np.flatnonzero(is_known), np.flatnonzero(~is_known)
        if len(rows) < 2 or len(missing) == 0:
            continue
        samples = np.flatnonzero(codes == code)
        solve = LIMB_LEADS_FROM_I_II[missing] @ np.linalg.pinv(LIMB_LEADS_FROM_I_II[rows])
        result[np.ix_(missing, samples)] = solve @ limb[np.ix_(rows, samples)]
    return result


def derivable_leads(given: tuple[str, ...]) -> tuple[str, ...]:
    """The leads that are given or follow from those given by arithmetic, in ``LEADS`` order.

    Example:
        >>> derivable_leads(("II", "I", "V3"))
        ('I', 'II', 'III', 'aVR', 'aVL', 'aVF', 'V3')
    """
    known = {canonical_lead(lead) for lead in given}
    if any(a in known and b in known for a, b in combinations(LIMB_LEADS, 2)):
        known |= set(LIMB_LEADS)
    return tuple(lead for lead in LEADS if lead in known)


def einthoven_residual_mv(signal_mv: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far the limb leads break their identities.

    Args:
        signal_mv: ``(12, n)`` in mV.

    Returns:
        ``(4, n)`` in mV, NaN where a lead is missing: ``I + III - II``,
        ``aVR + (I + II) / 2``, ``aVL - (I - III) / 2``, ``aVF - (II + III) / 2``.
    """
    _check_twelve(signal_mv)
    i, ii, iii, avr, avl, avf = signal_mv[:6].astype(np.float64)
    return np.stack([i + iii - ii, avr + (i + ii) / 2, avl - (i - iii) / 2, avf - (ii + iii) / 2])


def _check_twelve(signal_mv: NDArray[np.floating]) -> None:
    if signal_mv.ndim != 2 or signal_mv.shape[0] != 12:
        raise ValueError(f"signal_mv must be (12, samples), not {signal_mv.shape}")
