"""The heart as one rotating dipole, seen by twelve leads.

A beat is a sum of Gaussian lobes of a vector in Frank's axes (x to the left, y to the feet, z to
the back): P, three of QRS, ST and T (after McSharry et al. 2003, doi 10.1109/TBME.2003.808805,
and Sameni et al. 2007, doi 10.1155/2007/43407). Leads see it through Dower's matrix (Dower et
al. 1980, doi 10.1016/0002-8703(80)90398-7, as given by Edenbrandt and Pahlm 1988, doi
10.1016/S0022-0736(88)80113-7). An infarct takes early QRS forces away from its wall (Q), points
the ST vector at it and T away from it; the opposite leads show the reciprocal change of
themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

INDEPENDENT_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")

DOWER: NDArray[np.float64] = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)
"""``(8, 3)``: ``INDEPENDENT_LEADS`` from x, y, z."""
DOWER.flags.writeable = False


@dataclass(frozen=True)
class Lobe:
    """One Gaussian lobe of the dipole.

    Attributes:
        name: ``P``, ``Q``, ``R``, ``S``, ``ST`` or ``T``; several may share one.
        center_s: its peak, in seconds after the R wave.
        rise_s: standard deviation before the peak.
        fall_s: standard deviation after it.
        vector_mv: x, y, z at the peak.
    """

    name: str
    center_s: float
    rise_s: float
    fall_s: float
    vector_mv: tuple[float, float, float]


NORMAL_BEAT: tuple[Lobe, ...] = (
    Lobe("P", -0.175, 0.018, 0.018, (0.03, 0.05, -0.03)),
    Lobe("P", -0.145, 0.018, 0.018, (0.05, 0.06, 0.02)),
    Lobe("Q", -0.022, 0.009, 0.009, (-0.14, -0.08, -0.25)),
    Lobe("R", 0.000, 0.011, 0.012, (1.10, 0.90, 0.25)),
    Lobe("S", 0.023, 0.010, 0.011, (-0.20, -0.15, 0.65)),
    Lobe("T", 0.270, 0.055, 0.036, (0.30, 0.22, -0.12)),
)


@dataclass(frozen=True)
class Infarct:
    """Where an infarct lies.

    Attributes:
        label: SCP code.
        toward: x, y, z of the wall, of about unit length.
        septal_left: what remains of the normal septal forces.
        leads: the leads that look at the wall.
    """

    label: str
    toward: tuple[float, float, float]
    septal_left: float
    leads: tuple[str, ...]


INFARCTS: dict[str, Infarct] = {
    "anterior": Infarct("AMI", (0.35, -0.30, -0.80), 0.1, ("V2", "V3", "V4")),
    "inferior": Infarct("IMI", (-0.10, 0.90, 0.20), 0.8, ("II", "III", "aVF")),
    "lateral": Infarct("LMI", (0.80, -0.35, 0.25), 0.6, ("I", "aVL", "V5", "V6")),
}

STAGES = ("acute", "evolving", "old")
# Of each stage: Q, ST and T away from the wall, in mV, before the strength is drawn.
_STAGE_MV = {"acute": (0.35, 0.30, -0.10), "evolving": (0.70, 0.16, 0.45), "old": (0.70, 0.0, 0.25)}


def infarcted(
    beat: tuple[Lobe, ...], infarct: str, stage: str, strength: float = 1.0
) -> tuple[Lobe, ...]:
    """The beat of a heart with an infarct.

    Args:
        beat: a beat without.
        infarct: ``anterior``, ``inferior`` or ``lateral``.
        stage: ``acute`` (ST up, T upright), ``evolving`` (Q, some ST, T inverted) or ``old``
            (Q, T flat or inverted).
        strength: of all its changes, about 0.7 to 1.3.

    Raises:
        ValueError: if the infarct or stage is unknown.
    """
    if infarct not in INFARCTS:
        raise ValueError(f"infarct {infarct!r} is not one of {', '.join(INFARCTS)}")
    if stage not in STAGES:
        raise ValueError(f"stage {stage!r} is not one of {', '.join(STAGES)}")
    pattern = INFARCTS[infarct]
    wall = np.array(pattern.toward)
    q_mv, st_mv, t_mv = (strength * amount for amount in _STAGE_MV[stage])
    changed = []
    for lobe in beat:
        vector = np.array(lobe.vector_mv)
        if lobe.name == "Q":
            vector = vector * (pattern.septal_left if stage != "acute" else 1.0)
        elif lobe.name == "R":
            # The dead wall no longer pulls the main vector toward itself.
            unit = wall / np.linalg.norm(wall)
            vector = vector - 0.6 * q_mv * max(0.0, float(vector @ unit)) * unit
        elif lobe.name == "T":
            vector = vector - t_mv * wall
        changed.append(replace(lobe, vector_mv=_triple(vector)))
    changed.append(Lobe("Q", -0.018, 0.012, 0.012, _triple(-q_mv * wall)))
    changed.append(Lobe("ST", 0.125, 0.040, 0.070, _triple(st_mv * wall)))
    return tuple(changed)


def dipole_mv(
    beat: tuple[Lobe, ...],
    r_times_s: NDArray[np.float64],
    n_samples: int,
    rate_hz: float,
    repolarisation: NDArray[np.float64] | None = None,
    gains: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """The dipole over time.

    Args:
        beat: lobes of one beat.
        r_times_s: time of each R wave; some may lie outside the record.
        n_samples: samples to make.
        rate_hz: samples a second.
        repolarisation: for each beat, how much later than at 60 beats a minute its ST and T
            come (1 = not at all).
        gains: for each beat, a factor on its amplitude.

    Returns:
        ``(3, n_samples)`` in mV.
    """
    dipole = np.zeros((3, n_samples))
    late = np.ones(len(r_times_s)) if repolarisation is None else repolarisation
    gain = np.ones(len(r_times_s)) if gains is None else gains
    for lobe in beat:
        for k, r_time in enumerate(r_times_s):
            stretch = late[k] if lobe.name in ("ST", "T") else 1.0
            center = r_time + lobe.center_s * stretch
            rise, fall = lobe.rise_s * stretch, lobe.fall_s * stretch
            first = max(0, int(np.ceil((center - 6 * rise) * rate_hz)))
            last = min(n_samples, int(np.floor((center + 6 * fall) * rate_hz)) + 1)
            if first >= last:
                continue
            t = np.arange(first, last) / rate_hz - center
            shape = gain[k] * np.exp(-0.5 * (t / np.where(t < 0, rise, fall)) ** 2)
            dipole[:, first:last] += np.outer(lobe.vector_mv, shape)
    return dipole


def _triple(vector: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])
