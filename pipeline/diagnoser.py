"""A photo or a recording in, the probability of myocardial infarction out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from digitization.quality import limb_checks
from ecg.heart_rate import HeartRate, measure_heart_rate
from ecg.lead_maps import LeadMaps
from ecg.leads import CHEST_LEADS, LEAD_INDEX, LIMB_LEADS
from ecg.reading import Reading
from ecg.record import Record
from pipeline.digital import FILLED_SOURCE, DigitalRecord
from pipeline.digitizer import Digitizer
from pipeline.photos import Photo
from reconstruction.complete import CompletedRecord, complete
from reconstruction.reconstructor import (
    NetworkReconstructor,
    ReconstructionError,
    Reconstructor,
)

if TYPE_CHECKING:
    from classification.explanation import Explanation
    from classification.mi import MiPrediction
    from digitization.given import GivenPage

MI_DECISIONS = ("mi", "no_mi", "cannot_tell", "not_assessed")
LEAST_CHEST_LEADS, LEAST_LIMB_LEADS = 3, 2
"""With fewer, myocardial infarction is not assessed: whole walls would be unseen."""
LEAST_SECONDS = 1.0
"""A lead counts when this much of it was read."""
ASSESSED_S = 10.0
"""So much of a recording is assessed, from its begin."""
_LIMBS_AGREE = 0.5
"""Likeness of limb leads with their relations below which a recording is doubted."""


class MiPredictor(Protocol):
    """What ``classification.mi.MiClassifier`` does."""

    def predict(
        self, signal_mv: NDArray[np.float32], rate_hz: float, lead_maps: LeadMaps | None
    ) -> MiPrediction:
        """Probability of myocardial infarction from a signal and its lead maps."""

    def explain(
        self, signal_mv: NDArray[np.float32], rate_hz: float, lead_maps: LeadMaps | None
    ) -> Explanation:
        """What the probability rests on."""


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What one photo or recording says about the heart.

    Attributes:
        record: what was assessed: the signals of the page, or the recording.
        mi: the classifier's answer; None when not assessed.
        mi_decision: ``mi``, ``no_mi``, ``cannot_tell`` or ``not_assessed``.
        mi_reason: why it was not assessed, else empty.
        doubt: what speaks against the recording itself, else empty.
        heart_rate: measured on the signal; None where no beats are clear.
        seconds: how long the assessment took.
        reading: the digitized page; None of a recording.
        completed: the twelve leads made whole; None unless asked for and possible.
        completed_reason: why it was not possible, else empty.
        explanation: what the probability rests on; None unless asked for.
    """

    record: Record
    mi: MiPrediction | None
    mi_decision: str
    mi_reason: str
    heart_rate: HeartRate | None
    seconds: float = 0.0
    reading: Reading | None = None
    completed: CompletedRecord | None = None
    completed_reason: str = ""
    explanation: Explanation | None = None
    doubt: str = ""

    def __post_init__(self) -> None:
        if self.mi_decision not in MI_DECISIONS:
            raise ValueError(f"mi_decision is one of {MI_DECISIONS}, not {self.mi_decision!r}")
        if (self.mi is None) != (self.mi_decision == "not_assessed"):
            raise ValueError("a probability is missing exactly when the decision is not_assessed")

    @property
    def mi_probability(self) -> float | None:
        """Probability of myocardial infarction, None when not assessed."""
        return None if self.mi is None else float(self.mi.probability)


class Diagnoser:
    """Reads photos, and assesses them and recordings for myocardial infarction.

    Args:
        digitizer: reads the photo.
        classifier: assesses what was read.
        reconstructor: fills what the page does not show; None leaves it as it is.
        explains: tell what a probability rests on, which takes a second or two.

    Example:
        >>> diagnoser = Diagnoser.load()  # doctest: +SKIP
        >>> diagnosis = diagnoser.diagnose(photo)
        >>> diagnosis.mi_decision, diagnosis.mi_probability
        ('no_mi', 0.07)
    """

    def __init__(
        self,
        digitizer: Digitizer,
        classifier: MiPredictor,
        reconstructor: Reconstructor | None = None,
        explains: bool = False,
    ) -> None:
        self._digitizer = digitizer
        self._classifier = classifier
        self._reconstructor = reconstructor
        self._explains = explains

    @classmethod
    def load(
        cls,
        layout: str | None = None,
        speed_mm_per_s: float | None = None,
        gain_mm_per_mv: float | None = None,
        given: GivenPage | None = None,
        mm_per_px: float | None = None,
        precision: str = "auto",
        complete: bool = False,
        explain: bool = False,
    ) -> Diagnoser:
        """Loads the networks that ship.

        Args:
            layout, speed_mm_per_s, gain_mm_per_mv, given, mm_per_px, precision: as of
                ``Digitizer.load``.
            complete: also make the twelve leads whole.
            explain: also tell what the probability rests on.
        """
        import checkpoints
        from classification.mi import MiClassifier

        digitizer = Digitizer.load(
            layout, speed_mm_per_s, gain_mm_per_mv, given, mm_per_px, precision
        )
        reconstructor = None
        if complete:  # so small that a graphics card gains nothing
            reconstructor = NetworkReconstructor.open(checkpoints.path("completion"), "cpu")
        return cls(digitizer, MiClassifier.load(), reconstructor, explain)

    def diagnose(self, source: Photo | NDArray[np.uint8] | DigitalRecord) -> Diagnosis:
        """Reads and assesses one photo, or assesses a digital recording.

        Raises:
            PageRejected: what it shows is no ECG, or cannot be read; with the reason.
        """
        if isinstance(source, DigitalRecord):
            return self.assess_record(source.record)
        return self.assess(self._digitizer.digitize(source))

    def assess(self, reading: Reading) -> Diagnosis:
        """Assesses a page that was read already."""
        record = Record(reading.signal_mv, reading.rate_hz, record_id="")
        found = self._assess(record, reading.confidence, reading.lead_maps)
        return replace(found, reading=reading)

    def assess_record(self, record: Record) -> Diagnosis:
        """Assesses a digital recording, by the signals of its first ten seconds alone."""
        return replace(self._assess(record, None, None), doubt=_doubt(record))

    def _assess(
        self,
        record: Record,
        confidence: NDArray[np.float32] | None,
        lead_maps: LeadMaps | None,
    ) -> Diagnosis:
        completed, why_not = self._completed(record, confidence)
        began = perf_counter()
        signal = record.signal_mv
        heart_rate = measure_heart_rate(signal, record.rate_hz)
        assessed = signal[:, : round(ASSESSED_S * record.rate_hz)]
        seconds = np.isfinite(assessed).sum(axis=1) / record.rate_hz
        prediction, decision, explanation = None, "not_assessed", None
        reason = _missing_leads(seconds >= LEAST_SECONDS)
        if not reason:
            prediction = self._classifier.predict(signal, record.rate_hz, lead_maps)
            decision = prediction.decision
            if self._explains:
                explanation = self._classifier.explain(signal, record.rate_hz, lead_maps)
        took = perf_counter() - began
        return Diagnosis(
            record,
            prediction,
            decision,
            reason,
            heart_rate,
            took,
            completed=completed,
            completed_reason=why_not,
            explanation=explanation,
        )

    def _completed(
        self, record: Record, confidence: NDArray[np.float32] | None
    ) -> tuple[CompletedRecord | None, str]:
        """The record made whole, or why it cannot be."""
        if self._reconstructor is None:
            return None, ""
        try:
            found = complete(record.signal_mv, record.rate_hz, self._reconstructor, confidence)
        except ReconstructionError as error:
            return None, f"The record was not completed: {error}."
        return found, ""


def _doubt(record: Record) -> str:
    """What speaks against a recording: estimates, limb leads that disagree; else empty."""
    if FILLED_SOURCE in record.source:
        return "A network completed this recording: what it estimated is no evidence."
    known = [value for value in limb_checks(record.signal_mv) if np.isfinite(value)]
    if min(known, default=1.0) >= _LIMBS_AGREE:
        return ""
    return (
        "The limb leads contradict each other (III is II less I, and the augmented leads are their "
        "sums): leads are swapped, under wrong names, or mostly noise. Check the recording."
    )


def _missing_leads(there: NDArray[np.bool_]) -> str:
    """Why infarction cannot be assessed with the leads ``(12,)`` that are there, else empty."""
    parts = (
        (CHEST_LEADS, LEAST_CHEST_LEADS, "the front of the heart"),
        (LIMB_LEADS, LEAST_LIMB_LEADS, "its lower and side walls"),
    )
    for leads, least, wall in parts:
        missing = [lead for lead in leads if not there[LEAD_INDEX[lead]]]
        if len(leads) - len(missing) < least:
            named = f"{leads[0]} to {leads[-1]}" if len(missing) == len(leads) else ""
            return (
                f"{named or ', '.join(missing)} missing: at least {least} of {leads[0]} to "
                f"{leads[-1]} are needed to see {wall}."
            )
    return ""
