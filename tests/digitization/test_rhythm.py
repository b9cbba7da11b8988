"""Which lead a rhythm strip shows, from its name and from what it agrees with."""

import pytest

from digitization.rhythm import lead_of_strip
from ecg.leads import LEAD_INDEX

I1, II, III, V1, V5 = (LEAD_INDEX[lead] for lead in ("I", "II", "III", "V1", "V5"))


@pytest.mark.parametrize(
    ("lead", "named", "agreements", "shown"),
    [
        pytest.param(II, True, {I1: 0.5, II: 0.98}, II, id="name and agreement"),
        pytest.param(I1, True, {I1: 0.5, II: 0.98}, II, id="a like name is easily misread"),
        pytest.param(III, True, {II: 0.9995, III: 0.966}, II, id="and alike leads are told apart"),
        pytest.param(III, True, {II: 0.993, III: 0.985}, III, id="by much, not by little"),
        pytest.param(V5, True, {I1: 0.92, V5: 0.4}, V5, id="no name is read as quite another"),
        pytest.param(V5, True, {I1: 0.995, V5: 0.4}, I1, id="but for all but the same samples"),
        pytest.param(II, False, {I1: 0.6, II: 0.96}, II, id="the usual one"),
        pytest.param(II, False, {V1: 0.97, II: 0.3}, V1, id="another by its samples"),
        pytest.param(II, False, {V1: 0.8, II: 0.3}, None, id="none that agrees"),
        pytest.param(II, False, {V1: 0.5, II: 0.52}, None, id="nor the usual one"),
    ],
)
def test_lead_of_a_strip(lead, named, agreements, shown):
    assert lead_of_strip(lead, named, agreements) == shown
