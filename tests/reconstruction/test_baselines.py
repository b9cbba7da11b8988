"""Least squares with lags, and the template of a lead's own beats."""

import numpy as np
import pytest
import torch

from ecg.leads import LEADS, einthoven_residual_mv
from ecg.simulator import simulate
from reconstruction.linear import fit_linear
from reconstruction.reconstructor import ReconstructionError
from reconstruction.task import answers
from reconstruction.template import TemplateReconstructor
from reconstruction.visible import PAGE_3X4_1, show_leads


@pytest.fixture(scope="module")
def signals_uv():
    rng = np.random.default_rng(0)
    records = np.stack([simulate(rng).signal_mv[:, ::5][:, :1000] for _ in range(24)])
    return (1000 * records).astype(np.int16)


def test_a_delayed_sum_of_leads_is_found(signals_uv):
    made = signals_uv.copy()
    made[:, 9] = np.roll(made[:, 0], 4, axis=-1) - made[:, 1] // 2
    network = fit_linear(made, ("I", "II"))
    row = network.lead_set.predicted.index(9)
    weights = network.weights[row].detach().numpy().reshape(len(network.lags), 2)
    expected = np.zeros_like(weights)
    expected[network.lags.index(-4), 0] = 1
    expected[network.lags.index(0), 1] = -0.5
    np.testing.assert_allclose(weights, expected, atol=0.05)


@pytest.mark.parametrize("leads", [("I",), ("aVF",), ("I", "II", "V3"), ("aVL", "III"), ("V2",)])
def test_given_leads_pass_and_limb_leads_agree(signals_uv, leads):
    network = fit_linear(signals_uv, leads)
    truth = signals_uv.astype(np.float32) / 1000
    found = answers(network, show_leads(truth, leads))
    assert np.isfinite(found).all()
    for lead in leads:
        row = LEADS.index(lead)
        np.testing.assert_array_equal(found[:, row], truth[:, row])
    assert max(1000 * np.abs(einthoven_residual_mv(one)).max() for one in found) <= 1


def test_leads_that_give_all_are_refused(signals_uv):
    with pytest.raises(ValueError, match="already give all twelve"):
        fit_linear(signals_uv, LEADS)


def test_the_template_repeats_a_regular_heart():
    """Of beats that are all alike the template is the truth."""
    moments = np.arange(100)
    pulse = np.exp(-(((moments - 40) / 3.0) ** 2)) + 0.3 * np.exp(-(((moments - 65) / 8.0) ** 2))
    truth = np.tile(np.linspace(0.3, 1.2, 12)[:, None] * pulse, 10).astype(np.float32)
    shown = PAGE_3X4_1.show(truth, 100.0)
    found = TemplateReconstructor().estimate(shown[None]).signal_mv[0]
    inside = slice(60, 940)
    for lead in range(12):
        error = found[lead, inside] - truth[lead, inside]
        assert (error - error.mean()).std() < 0.02 * truth[lead].std()


def test_the_template_knows_no_unseen_lead(signals_uv):
    shown = PAGE_3X4_1.show(signals_uv[0].astype(np.float32) / 1000, 100.0)
    shown[8] = np.nan
    found = TemplateReconstructor().estimate(shown[None]).signal_mv[0]
    assert (found[8] == 0).all()
    assert found[7].std() > 0


@pytest.mark.parametrize(
    ("leads", "says"), [(("I",), None), ((), "no lead at all"), (("flat",), "no clear beats")]
)
def test_the_template_says_what_it_lacks(signals_uv, leads, says):
    truth = signals_uv[:1].astype(np.float32) / 1000
    if leads == ("flat",):
        shown = show_leads(np.zeros_like(truth), ("I",))
    elif leads:
        shown = show_leads(truth, leads)
        shown[:, 0, :200] = np.nan
        says = "visible whole"
    else:
        shown = np.full_like(truth, np.nan)
    with pytest.raises(ReconstructionError, match=says):
        TemplateReconstructor().estimate(shown)


def test_nothing_of_the_network_needs_more_than_safetensors_hold(signals_uv, tmp_path):
    from learning.checkpoint import read_checkpoint, write_checkpoint

    network = fit_linear(signals_uv, ("I",))
    write_checkpoint(tmp_path / "linear", network, "LinearLags", {"leads": ["I"]})
    again = read_checkpoint(tmp_path / "linear").network
    shown = torch.from_numpy(signals_uv[:2].astype(np.float32) / 1000)
    with torch.inference_mode():
        torch.testing.assert_close(again(shown), network(shown), atol=2e-3, rtol=1e-2)
