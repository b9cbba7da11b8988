"""Myocardial infarction: one answer from the digitized signals and the lead maps of a page."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classification.combination import CALIBRATED, Calibration
from classification.explanation import Explanation, explain
from classification.findings import FindingCalibration, Findings, find
from classification.signal_route import NETWORK_RATE_HZ, NETWORK_SAMPLES, SignalRoute
from ecg.lead_maps import LeadMaps
from ecg.resampling import resample
from learning.inference import RunningNetwork, open_network

FACTS_FILE = "calibration.json"
_LEAST_LEADS = 6
"""Leads of a second or more; of fewer it is never told whether there is infarction."""


@dataclass(frozen=True)
class MiPrediction:
    """How likely myocardial infarction is.

    Attributes:
        probability: of both routes together, calibrated on PTB-XL fold 9.
        signal_probability: of the digitized signals alone, calibrated.
        maps_probability: of the lead maps alone, calibrated; None without maps.
        threshold: probability from which the decision is ``mi`` (0.9 specificity on fold 9).
        decision: ``mi``, ``no_mi`` or ``cannot_tell`` (too near to the threshold, or too few
            leads).
        prevalence: share of infarctions where the probability was calibrated.
        findings: what else the signals say.
    """

    probability: float
    signal_probability: float
    maps_probability: float | None
    threshold: float
    decision: str
    prevalence: float
    findings: Findings


class MiClassifier:
    """The two routes and their combination.

    Args:
        signals: the networks that read signals.
        maps: trained ``MapsNet``.
        calibrations: ``signal``, ``maps`` and ``both``.
        findings: the calibrations of the findings for whole recordings (``signal``) and pages
            (``both``).
    """

    def __init__(
        self,
        signals: SignalRoute,
        maps: RunningNetwork,
        calibrations: dict[str, Calibration],
        findings: dict[str, dict[str, FindingCalibration]],
    ) -> None:
        self._signals, self._maps, self._calibrations = signals, maps, calibrations
        self._findings = findings

    @classmethod
    def load(cls) -> MiClassifier:
        """Load what ships."""
        import checkpoints

        folder = checkpoints.path("mi_combination")
        facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
        calibrations = {
            name: Calibration(**{**values, "unsure": tuple(values["unsure"])})
            for name, values in facts["mi"].items()
        }
        findings = {
            shown: {name: FindingCalibration(**values) for name, values in each.items()}
            for shown, each in facts["findings"].items()
        }
        maps = open_network(checkpoints.path("mi_maps"), "cpu")
        return cls(SignalRoute.load(), maps, calibrations, findings)

    def predict(
        self, signal_mv: NDArray[np.float32], rate_hz: float, lead_maps: LeadMaps | None
    ) -> MiPrediction:
        """Assess one ECG.

        Args:
            signal_mv: ``(12, n)`` mV, NaN where nothing was read.
            rate_hz: samples a second.
            lead_maps: the page's lead maps; None for a signal that was never on paper.
        """
        shown = _network_window(signal_mv, rate_hz)
        answers = self._signals(shown[None])[0].tolist()
        logits = dict(zip(self._signals.targets, answers, strict=True))
        of = self._calibrations
        signal_probability = of["signal"].probability(logits["MI"], logits["NORM"])
        if lead_maps is None:
            calibration, probability = of["signal"], signal_probability
            maps_probability = None
        else:
            present = lead_maps.present.astype(np.float32)
            maps_mi, maps_normal = self._maps_logits(lead_maps.ink[None], present[None])[0].tolist()
            calibration = of["both"]
            probability = calibration.probability(logits["MI"], logits["NORM"], maps_mi)
            maps_probability = of["maps"].probability(maps_mi, maps_normal)
        leads = int((np.isfinite(shown).sum(axis=1) >= NETWORK_RATE_HZ).sum())
        decision = calibration.decide(probability) if leads >= _LEAST_LEADS else "cannot_tell"
        findings = self._findings["signal" if lead_maps is None else "both"]
        return MiPrediction(
            probability,
            signal_probability,
            maps_probability,
            calibration.threshold,
            decision,
            calibration.prevalence,
            find(findings, logits, probability),
        )

    def explain(
        self, signal_mv: NDArray[np.float32], rate_hz: float, lead_maps: LeadMaps | None
    ) -> Explanation:
        """Tell what the answer rests on; arguments as of :meth:`predict`.

        A lead is taken from both routes; a wave from the signals alone.
        """
        shown = _network_window(signal_mv, rate_hz)
        calibration = self._calibrations["signal" if lead_maps is None else "both"]
        answers = [self._signals.targets.index(name) for name in CALIBRATED]
        weights = np.array([calibration.mi_weight, calibration.normal_weight])

        def logits_of(signals: NDArray[np.float32], kept: NDArray[np.bool_]) -> NDArray[np.float64]:
            signals = np.where(kept[:, :, None], signals, np.float32(np.nan))
            total: NDArray[np.float64] = self._signals(signals)[:, answers] @ weights
            if lead_maps is not None and calibration.maps_weight:
                present = kept.astype(np.float32) * lead_maps.present.astype(np.float32)
                ink = np.where(present[:, :, None, None] > 0, lead_maps.ink, 0).astype(np.uint8)
                changed = np.flatnonzero((present != lead_maps.present).any(axis=1))
                maps = np.full(len(kept), np.nan)
                same = np.setdiff1d(np.arange(len(kept)), changed)
                if len(changed):
                    maps[changed] = self._maps_logits(ink[changed], present[changed])[:, 0]
                if len(same):  # waves leave the maps as they are: one answer serves them all
                    maps[same] = self._maps_logits(ink[same[:1]], present[same[:1]])[0, 0]
                total += calibration.maps_weight * maps
            return total

        return explain(logits_of, shown, NETWORK_RATE_HZ)

    def _maps_logits(
        self, ink: NDArray[np.uint8], present: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """``(n, 2)`` logits of MI and NORM of lead maps."""
        columns = [self._maps.facts["classes"].index(name) for name in CALIBRATED]
        return self._maps(ink, present)[:, columns]


def _network_window(signal_mv: NDArray[np.float32], rate_hz: float) -> NDArray[np.float32]:
    """The first ten seconds as the networks take them, ``(12, 1000)``."""
    signal = resample(signal_mv, rate_hz, NETWORK_RATE_HZ).astype(np.float32)
    shown = np.full((12, NETWORK_SAMPLES), np.nan, np.float32)
    count = min(NETWORK_SAMPLES, signal.shape[1])
    shown[:, :count] = signal[:, :count]
    return shown
