"""What an answer rests on is found, and taking it away takes the answer away."""

import numpy as np
import pytest

from classification.explanation import SEGMENTS, explain
from classification.mi import MiClassifier
from ecg.lead_maps import draw_lead_maps
from ecg.leads import LEADS
from ecg.ptbxl import PtbXl
from ecg.simulator import simulate

RATE_HZ = 100.0


@pytest.fixture(scope="module")
def signal():
    return simulate(np.random.default_rng(4)).signal_mv[:, ::5][:, :1000].astype(np.float32)


def _by_leads(weights):
    """Log-odds that are a sum over the leads that are kept."""

    def logits_of(signals, kept):
        return kept @ weights + 0 * signals[:, 0, 0]

    return logits_of


def test_a_sum_over_leads_is_found_exactly_enough(signal):
    weights = np.zeros(12)
    weights[LEADS.index("V2")], weights[LEADS.index("III")] = 2.0, -1.0
    found = explain(_by_leads(weights), signal, RATE_HZ)
    assert found.leads["V2"] == pytest.approx(2.0, rel=0.1)
    assert found.leads["III"] == pytest.approx(-1.0, rel=0.1)
    assert max(abs(v) for k, v in found.leads.items() if k not in ("V2", "III")) < 0.1
    assert found.foremost() == ("V2",) or found.foremost()[0] == "V2"


def test_a_wave_that_counts_is_found(signal):
    row = LEADS.index("V3")

    def tallness(signals, kept):
        del kept
        return np.nan_to_num(signals[:, row]).max(axis=1) - np.nan_to_num(signals[:, row]).min(1)

    found = explain(tallness, signal, RATE_HZ)
    assert {wave for _, wave in found.waves} <= set(SEGMENTS)
    assert found.foremost_waves()[0] == ("V3", "QRS")
    (lead,) = {mark.lead for mark in found.marks if abs(mark.log_odds) > 0.1}
    assert lead == "V3"
    for mark in found.marks:
        assert 0 <= mark.start < mark.stop <= 1000


def test_missing_leads_have_no_share(signal):
    shown = signal.copy()
    shown[[1, 8]] = np.nan
    found = explain(_by_leads(np.ones(12)), shown, RATE_HZ)
    assert set(found.leads) == set(LEADS) - {"II", "V3"}
    assert not {lead for lead, _ in found.waves} & {"II", "V3"}


def test_nothing_and_no_beats_are_taken():
    nothing = explain(_by_leads(np.ones(12)), np.full((12, 1000), np.nan, np.float32), RATE_HZ)
    assert nothing.leads == {}
    flat = explain(_by_leads(np.ones(12)), np.zeros((12, 1000), np.float32), RATE_HZ)
    assert len(flat.leads) == 12
    assert flat.waves == {}


def test_the_same_answer_is_explained_alike_twice(signal):
    weights = np.linspace(-1, 1, 12)
    one, other = (explain(_by_leads(weights), signal, RATE_HZ) for _ in range(2))
    assert one.leads == other.leads


def test_both_routes_are_explained(signal):
    classifier = MiClassifier.load()
    maps = draw_lead_maps(signal, RATE_HZ, np.zeros(12))
    found = classifier.explain(signal, RATE_HZ, maps)
    assert set(found.leads) == set(LEADS)
    alone = classifier.explain(signal, RATE_HZ, None)
    assert found.leads != alone.leads


@pytest.mark.data
def test_taking_the_foremost_leads_away_costs_more_than_others(shared_data):
    """On records of fold 9 that are called MI: the foremost three against three at random."""
    ptbxl = PtbXl(shared_data / "ptbxl", cached_shards=1)
    ids = ptbxl.select(split="validation", rate_hz=100)
    ids = ids[ptbxl.index.loc[ids, "mi"].to_numpy()][:60]
    classifier, rng = MiClassifier.load(), np.random.default_rng(0)
    named: list[float] = []
    random: list[float] = []
    for record in ptbxl.signals(ids, 100).astype(np.float32) / 1000:
        before = classifier.predict(record, 100.0, None)
        if before.decision != "mi":
            continue
        foremost = classifier.explain(record, 100.0, None).foremost(3)
        rows = [LEADS.index(lead) for lead in foremost]
        for chosen, drops in (
            (rows, named),
            (rng.choice(12, len(rows), replace=False), random),
        ):
            without = record.copy()
            without[chosen] = np.nan
            after = classifier.predict(without, 100.0, None)
            drops.append(before.signal_probability - after.signal_probability)
    assert len(named) >= 20
    assert np.mean(named) > 2 * max(float(np.mean(random)), 0.01)
