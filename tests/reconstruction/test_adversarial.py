"""All generators keep the contract, learn, and train none but themselves."""

from typing import Any

import numpy as np
import pytest
import torch

from ecg.leads import LEADS, einthoven_residual_mv
from ecg.simulator import simulate
from learning.checkpoint import read_checkpoint, write_checkpoint
from learning.onnx import OnnxNetwork, export_graph
from learning.training import TrainingConfig, train
from reconstruction.adversarial_network import judged
from reconstruction.adversarial_task import ADVERSARIAL_NETWORKS, AdversarialTask
from reconstruction.cardiogan import CardioGAN, FrequencyDiscriminator, spectrogram
from reconstruction.ekgan import EKGAN
from reconstruction.models import MODELS
from reconstruction.task import millivolts
from reconstruction.visible import show_leads

MODEL_NAMES = tuple(ADVERSARIAL_NETWORKS)
EASIER = {"cycle_weight": 100.0, "time_weight": 0.3, "frequency_weight": 0.1, "hop": 32}
LEARNING = [  # model, steps, learning rate, arguments, correlation that it must reach
    pytest.param("ekgan", 120, 4e-3, {}, 0.6, id="ekgan"),
    pytest.param("pix2pix", 110, 4e-3, {}, 0.6, id="pix2pix"),
    pytest.param("cyclegan", 70, 4e-3, {}, 0.6, id="cyclegan"),
    pytest.param("cardiogan", 90, 8e-3, EASIER, 0.4, id="cardiogan", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module")
def records_uv():
    rng = np.random.default_rng(0)
    records = [simulate(rng, rate_hz=100.0).signal_mv for _ in range(32)]
    return np.round(np.stack(records) * 1000).astype(np.int16)


def _network(name, **arguments):
    torch.manual_seed(0)
    network: Any = ADVERSARIAL_NETWORKS[name]
    return network(width=2, **arguments)


def _trained(network, losses, chosen):
    """Names of the parts that the chosen losses give a gradient."""
    network.zero_grad()
    sum(losses[name] for name in chosen).backward(retain_graph=True)
    return {
        name.split(".")[0]
        for name, parameter in network.named_parameters()
        if parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
    }


def test_all_are_models_for_the_console():
    assert set(MODEL_NAMES) <= set(MODELS)
    assert all(MODELS[name].leads == ("I",) for name in MODEL_NAMES)


@pytest.mark.parametrize("leads", [("I",), ("aVF",), ("V2",), ("I", "II", "V3")])
@pytest.mark.parametrize("name", MODEL_NAMES)
def test_given_leads_pass_and_the_limb_leads_keep_their_relations(name, leads, records_uv):
    truth = millivolts(records_uv[:2])
    network = _network(name, leads=leads).eval()
    with torch.inference_mode():
        answer = network(torch.from_numpy(show_leads(truth, leads))).numpy()
    assert answer.shape == truth.shape
    rows = [LEADS.index(lead) for lead in leads]
    np.testing.assert_array_equal(answer[:, rows], truth[:, rows])
    for record in answer:
        assert np.abs(einthoven_residual_mv(record)).max() < 1e-3


@pytest.mark.parametrize(("name", "steps", "rate", "arguments", "bar"), LEARNING)
def test_each_learns_by_heart(name, steps, rate, arguments, bar, records_uv, tmp_path):
    task = AdversarialTask(name, records_uv, records_uv, ("I",), {"width": 4, **arguments})
    before = task.validation(_network(name).eval())["pearson"]
    config = TrainingConfig(
        out=tmp_path, max_steps=steps, batch_size=8, learning_rate=rate, warmup_steps=10,
        weight_decay=0.0, gradient_clip=10.0, ema_decay=0.8, threads=1, device="cpu",
        validate_every_steps=steps,
    )  # fmt: skip
    checkpoint = read_checkpoint(train(task, config))
    after = task.validation(checkpoint.network)["pearson"]
    assert before < 0.3
    assert after > bar
    assert checkpoint.metadata["model"] == name
    assert checkpoint.metadata["leads"] == ["I"]


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_discriminators_and_generators_do_not_train_each_other(name, records_uv):
    network = _network(name)
    losses = network.losses(torch.from_numpy(millivolts(records_uv[:4])))
    telling = [loss for loss in losses if loss.startswith("discriminator")]
    judges = {"ekgan": {"discriminator"}, "pix2pix": {"discriminator"}}.get(
        name, {"of_record", "of_given"}
    )
    assert _trained(network, losses, telling) == judges
    others = _trained(network, losses, [loss for loss in losses if loss not in telling])
    assert others == {child for child, _ in network.named_children()} - judges - {"lead_set"}


def test_judging_leaves_a_discriminators_statistics_alone():
    discriminator = torch.nn.Sequential(torch.nn.Conv1d(1, 2, 1), torch.nn.BatchNorm1d(2)).train()
    before = {key: value.clone() for key, value in discriminator.state_dict().items()}
    judged(discriminator, torch.randn(3, 1, 8))
    for key, value in discriminator.state_dict().items():
        assert torch.equal(value, before[key])


def test_ekgans_latent_term_trains_the_inference_generator_alone(records_uv):
    network = EKGAN(width=2)
    losses = network.losses(torch.from_numpy(millivolts(records_uv[:4])))
    assert float(losses["latent"].detach()) > 0
    assert _trained(network, losses, ["latent"]) == {"generator"}
    assert _trained(network, losses, ["label"]) == {"label_generator"}


def test_the_frequency_loss_trains_cardiogans_generators(records_uv):
    network = CardioGAN(width=2)
    losses = network.losses(torch.from_numpy(millivolts(records_uv[:4])))
    assert _trained(network, losses, ["frequency_record"]) == {"there"}
    assert _trained(network, losses, ["frequency_given"]) == {"back"}


@pytest.mark.parametrize("batch", [1, 3])
def test_frequency_discriminators_take_any_batch(batch):
    logits = FrequencyDiscriminator(8, 2)(torch.randn(batch, 8, 1000))
    assert logits.shape[:2] == (batch, 1)


def test_the_spectrogram_shows_a_tone_where_it_is():
    seconds = torch.arange(1000) / 100
    tone = torch.sin(2 * torch.pi * 12.5 * seconds).expand(1, 1, -1)
    found = spectrogram(tone)
    assert found.shape == (1, 1, 128, 126)
    assert set(found[0, 0, :, 20:-20].argmax(0).tolist()) == {32}  # 12.5 of 50 Hz in 128 bands


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_the_generator_becomes_a_graph(name, records_uv, tmp_path):
    network = _network(name).eval()
    network_name = ADVERSARIAL_NETWORKS[name].__name__
    arguments = {"width": 2}
    folder = write_checkpoint(tmp_path / name, network, network_name, arguments, half=False)
    export_graph(folder)
    shown = show_leads(millivolts(records_uv[:2]), ("I",))
    with torch.inference_mode():
        expected = network(torch.from_numpy(shown)).numpy()
    np.testing.assert_allclose(OnnxNetwork(folder)(shown), expected, atol=1e-4)
