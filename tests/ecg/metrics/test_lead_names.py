"""Leads under a wrong name are told from leads that were read badly."""

import numpy as np
import pytest

from ecg.leads import LEAD_INDEX
from ecg.metrics.lead_names import misplaced_names, wrong_names
from ecg.simulator import simulate


@pytest.fixture(scope="module")
def record():
    return simulate(np.random.default_rng(0)).signal_mv[:, :5000].astype(np.float32)


def _columns(record):
    """What a 3x4 page shows."""
    out = np.full_like(record, np.nan)
    for index in range(12):
        column = index // 3
        out[index, 1250 * column : 1250 * (column + 1)] = record[
            index, 1250 * column : 1250 * (column + 1)
        ]
    return out


def test_right_names_are_right_however_poorly_they_were_read(record):
    rng = np.random.default_rng(1)
    for noise in (0.0, 0.05, 0.3):
        read = _columns(record) + rng.normal(0, noise, record.shape)
        assert wrong_names(record, read) == ()


def test_leads_that_changed_places_are_both_wrong(record):
    read = _columns(record)
    i, v3 = LEAD_INDEX["I"], LEAD_INDEX["V3"]
    swapped = read.copy()
    swapped[i, :1250], swapped[v3, 2500:3750] = read[v3, 2500:3750], read[i, :1250]
    assert wrong_names(record, swapped) == ("I", "V3")


def test_an_inverted_lead_is_no_right_one(record):
    read = _columns(record)
    read[LEAD_INDEX["aVR"]] *= -1
    assert "aVR" in wrong_names(record, read)


def test_a_column_read_a_beat_too_late_keeps_its_names(record):
    read = np.roll(_columns(record), 300, axis=1)
    assert wrong_names(record, read) == ()


def _lines(*leads):
    """Traces one below the other, of one shape."""
    x = np.arange(200.0)
    return [
        (lead, np.stack([x, 40.0 * row + 30 * np.sin(x / 9) ** 9], axis=-1))
        for row, lead in enumerate(leads)
    ]


def test_names_are_told_by_the_places_of_their_traces():
    printed = _lines("I", "II", "V3", "II")
    read = [(lead, points + 2.0) for lead, points in printed]
    read[0][1][:90] = np.nan
    read[1][1][:60, 1] += 35.0  # where it was lost to the one below
    assert misplaced_names(printed, read) == ()


def test_a_trace_of_another_lead_has_a_wrong_name():
    printed = _lines("I", "II", "V3", "II")
    read = [
        (lead, points)
        for (lead, _), (_, points) in zip(_lines("II", "I", "V3", "V3"), printed, strict=True)
    ]
    assert misplaced_names(printed, read) == ("I", "II", "V3")
    assert misplaced_names(printed, [("aVL", np.full((5, 2), np.nan))]) == ()
