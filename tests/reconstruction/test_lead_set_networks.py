"""Every network of fixed leads keeps the one contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import reconstruction.rescnn_network
import reconstruction.u_resnet_network  # noqa: F401  (both register networks)
from ecg.leads import LEADS, einthoven_residual_mv
from ecg.simulator import simulate
from learning.checkpoint import write_checkpoint
from learning.inference import open_network
from learning.onnx import OnnxNetwork, export_graph
from learning.registry import build_network
from reconstruction.lead_set import LeadSet
from reconstruction.rescnn_task import SMALL
from reconstruction.visible import show_leads

NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "rescnn": ("RescnnNet", {"width": 4, "kernel": 5}),
    "rescnn_small": ("RescnnNet", SMALL),
    "u_resnet": ("UResNet", {"widths": [8, 8, 8, 8, 8], "bottleneck": 8}),
}
LEAD_SETS = [("I", "II", "V3"), ("I",), ("aVF",), ("V2",), ("III", "aVL"), LEADS[:6]]


@pytest.fixture(scope="module")
def signals() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([simulate(rng, rate_hz=100).signal_mv for _ in range(2)])


@pytest.mark.parametrize("leads", LEAD_SETS, ids="-".join)
@pytest.mark.parametrize("model", NETWORKS)
def test_given_leads_pass_and_limb_leads_agree(model, leads, signals):
    name, arguments = NETWORKS[model]
    torch.manual_seed(0)
    network = build_network(name, leads=list(leads), **arguments).eval()
    for samples in (1000, 400):
        shown = show_leads(signals[..., :samples], leads)
        with torch.inference_mode():
            answer = network(torch.from_numpy(shown)).numpy()
        assert answer.shape == shown.shape
        assert np.isfinite(answer).all()
        given = np.isfinite(shown)
        np.testing.assert_array_equal(answer[given], shown[given])
        for one in answer:
            assert np.abs(einthoven_residual_mv(one)).max() < 1e-3
        for row in LeadSet(leads).predicted:  # what is predicted depends on what is shown
            assert answer[0, row].std() > 1e-4


def test_two_limb_leads_give_the_other_four(signals):
    lead_set = LeadSet(("aVR", "III", "V1"))
    shown = torch.from_numpy(show_leads(signals, ("aVR", "III", "V1")))
    given = lead_set.pick(shown)
    answer = lead_set.assemble(given, torch.zeros(len(given), len(lead_set.predicted), 1000))
    assert [LEADS[row] for row in lead_set.predicted] == ["V2", "V3", "V4", "V5", "V6"]
    np.testing.assert_allclose(answer[:, :7], signals[:, :7], atol=1e-5)


def test_one_limb_lead_asks_for_one_other_only():
    assert [LEADS[row] for row in LeadSet(("aVF",)).predicted[:2]] == ["I", "V1"]
    assert [LEADS[row] for row in LeadSet(("I",)).predicted[:2]] == ["II", "V1"]
    assert [LEADS[row] for row in LeadSet(("V6",)).predicted[:3]] == ["I", "II", "V1"]


def test_a_set_that_gives_everything_is_refused():
    with pytest.raises(ValueError, match="already give all twelve"):
        LeadSet(("I", "II", *LEADS[6:]))


@pytest.mark.parametrize("model", ["rescnn_small", "u_resnet"])
def test_the_graph_answers_as_the_network_does(model, signals, tmp_path):
    name, arguments = NETWORKS[model]
    arguments = {"leads": ["I", "II", "V3"], **arguments}
    torch.manual_seed(0)
    network = build_network(name, **arguments).eval()
    folder = write_checkpoint(tmp_path / model, network, name, arguments, half=False)
    export_graph(folder)
    graph = open_network(folder, "cpu")
    assert isinstance(graph, OnnxNetwork)
    shown = show_leads(signals, ("I", "II", "V3"))
    with torch.inference_mode():
        expected = network(torch.from_numpy(shown)).numpy()
    np.testing.assert_allclose(graph(shown), expected, atol=1e-4)
