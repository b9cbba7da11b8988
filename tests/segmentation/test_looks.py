"""The looks: targets lie where the ink is, columns are read below the pixel, sizes are kept."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import segmentation.lead_names
import segmentation.text_lines  # noqa: F401  (both register networks)
from digitization.rows import COLUMNS_PER_MM, PIXELS_PER_MM
from ecg.record import Record
from ecg.simulator import SimulatorSource
from learning.checkpoint import read_checkpoint
from learning.inference import TorchNetwork, open_network
from learning.registry import build_network
from segmentation import layout_look, networks, page_look, trace_look
from segmentation.looks import NAMES, Looks
from segmentation.pages import sample_photo_of
from segmentation.replay import Replayed

TINY = {"encoder": "tu-test_resnet", "encoder_depth": 3, "decoder_channels": [16, 16, 8]}


class _Source:
    """A few simulated records."""

    pages = "ptb_v"

    def __init__(self) -> None:
        self._records = SimulatorSource(n_records=4, seed=1)

    def __len__(self) -> int:
        return 4

    def record(self, index: int) -> Record:
        return self._records[index]


class _TallSource(_Source):
    """The same with waves of four times the height."""

    def record(self, index: int) -> Record:
        record = super().record(index)
        return replace(record, signal_mv=4 * record.signal_mv)


def _network(in_channels: int, classes: int, stride: int = 1) -> torch.nn.Module:
    arguments = {"in_channels": in_channels, "classes": classes, "output_stride": stride}
    return build_network("LookNetwork", **TINY, **arguments).eval()


@pytest.fixture(scope="module")
def looks() -> Looks:
    strip = {"strip_mm": trace_look.STRIP_MM, "pixels_per_mm": PIXELS_PER_MM}
    return Looks(
        TorchNetwork(_network(3, 5), {"classes": page_look.CLASSES}),
        TorchNetwork(_network(3, 15, 2), {"classes": layout_look.CLASSES}),
        TorchNetwork(build_network("LeadNameNetwork", width=4)),
        TorchNetwork(_network(4, 2), strip),
        TorchNetwork(build_network("TextLineNetwork", width=2)),
    )


def test_maps_have_the_size_of_what_was_looked_at(looks):
    photo = np.random.default_rng(0).integers(0, 255, (150, 230, 3)).astype(np.uint8)
    maps = looks.see_page(photo, 115)
    assert maps.values.shape == (5, 75, 115)
    corner = maps.to_picture(np.array([114.0, 74.0]))
    np.testing.assert_allclose(corner, [228.5, 148.5])
    assert looks.see_layout(photo).values.shape == (15, 75, 115)
    columns = looks.see_trace(photo)
    assert columns.shape == (151, 230)
    np.testing.assert_allclose(columns.sum(axis=0), 1, atol=1e-4)


def test_grid_targets_lie_on_the_grid():
    rng = np.random.default_rng(3)
    photo = sample_photo_of(_Source().record(0), rng, 4.0, "3x4", "clean")
    width, height = photo.spec.camera.photo_size
    grey = photo.take().mean(axis=2)
    targets = page_look.page_targets(photo, (0, 0, width, height)) > 128
    empty = ~targets[3] & ~targets[4] & targets[0]
    lines = (targets[1] | targets[2]) & empty
    off = ~(targets[1] | targets[2]) & empty
    assert grey[lines].mean() < grey[off].mean() - 4


def test_trace_truth_lies_on_the_ink():
    rng = np.random.default_rng(5)
    photo = sample_photo_of(_Source().record(1), rng, 8.0, "12x1", "clean")
    trace = photo.page.traces[4]
    left, top = trace.points_mm[0, 0], trace.points_mm[:, 1].mean() - 24
    truth = trace_look.strip_truth(photo.page, trace.row, left, top, (400, trace_look.HEIGHT))
    true = photo.camera.geometry
    picture = layout_look.take_rectified(photo, true, left, top, (400, trace_look.HEIGHT), 8.0)
    assert _darkness(picture, truth) > 40


def test_trace_truth_lies_on_the_ink_that_a_geometry_with_errors_shows():
    rng = np.random.default_rng(5)
    photo = sample_photo_of(_Source().record(1), rng, 8.0, "12x1", "clean")
    trace = photo.page.traces[4]
    size = (trace_look.WIDTH, trace_look.HEIGHT)
    left, top = trace.points_mm[0, 0], trace.points_mm[:, 1].mean() - 24
    true = photo.camera.geometry
    found = layout_look.as_found(true, rng, 0.0, 1.5)
    scales = (COLUMNS_PER_MM, PIXELS_PER_MM)
    picture = layout_look.take_rectified(photo, found, left, top, size, scales)
    seen_at = partial(trace_look._seen_at, true, found)
    seen, printed = (
        trace_look.strip_truth(photo.page, trace.row, left, top, size, *how)
        for how in ((seen_at,), ())
    )
    assert _darkness(picture, seen) > _darkness(picture, printed) + 40


def _darkness(picture, heights):
    """How much darker than its strip the ink at the heights of a trace is."""
    grey = picture.mean(axis=2)
    columns = np.flatnonzero(np.isfinite(heights))
    assert len(columns) > 350
    on = grey[np.round(heights[columns]).astype(int), columns]
    return np.median(grey) - np.median(on)


def test_varied_records_differ_and_keep_their_size_and_unit():
    record = _Source().record(0)
    varied = [trace_look.varied(record, np.random.default_rng(i)) for i in range(12)]
    assert all(one.signal_mv.shape == record.signal_mv.shape for one in varied)
    assert all(np.isfinite(one.signal_mv).all() for one in varied)
    spans = np.array([np.ptp(one.signal_mv, axis=1) for one in varied])
    ratio = spans / np.ptp(record.signal_mv, axis=1)
    assert ratio.min() > 0.6
    assert 1.5 < ratio.max() < 3.2
    # Some are drawn head down, some faster, some with noise above 50 Hz.
    signs = [np.corrcoef(one.signal_mv[1, :200], record.signal_mv[1, :200])[0, 1] for one in varied]
    assert min(signs) < -0.9
    assert max(signs) > 0.9
    rough = [np.std(np.diff(one.signal_mv, 3)) for one in varied]
    assert max(rough) > 2 * min(rough)


def test_rows_meet_where_another_row_is_near():
    page = sample_photo_of(_Source().record(0), np.random.default_rng(0), 4.0, "12x1").page
    one, other = page.traces[:2]
    assert len(trace_look._where_rows_meet([one], [])) == 0
    points = other.points_mm.copy()
    points[:, 1] += 1000
    assert len(trace_look._where_rows_meet([one], [replace(other, points_mm=points)])) == 0
    points[:100, 1] = one.points_mm[:100, 1] + 1.5
    met = trace_look._where_rows_meet([one], [replace(other, points_mm=points)])
    np.testing.assert_allclose(met, one.points_mm[:100, 0])


def test_waves_that_leave_a_strip_are_also_seen_in_tall_ones():
    examples = trace_look.TraceLookExamples(_TallSource())
    seen = [examples.example(0, np.random.default_rng(i)) for i in range(10)]
    shapes = {tuple(picture.shape) for picture, _ in seen}
    usual = (4, trace_look.HEIGHT, trace_look.WIDTH)
    assert shapes == {usual, (4, 2 * trace_look.HEIGHT, trace_look.WIDTH // 2)}
    for picture, truth in seen:
        assert truth.shape == picture.shape[2:]
        # The channel of heights counts millimetres from the row, whatever the strip.
        assert float(picture[3].max()) == pytest.approx(picture.shape[1] / trace_look.HEIGHT, 0.01)
    farthest = max(float(np.nanmax(t)) for p, t in seen if p.shape[1] > trace_look.HEIGHT)
    assert (
        farthest > 1.5 * trace_look.HEIGHT
        or min(float(np.nanmin(t)) for p, t in seen if p.shape[1] > trace_look.HEIGHT)
        < 0.5 * trace_look.HEIGHT
    )


def test_a_batch_of_both_kinds_of_strips_counts_each_strip_alike():
    task = trace_look.TraceLookTask(_Source(), _Source(), TINY)
    network = build_network(task.network_name, **task.network_arguments).eval()
    usual = (torch.rand(4, trace_look.HEIGHT, 32), torch.full((32,), 100.0))
    tall = (torch.rand(4, 2 * trace_look.HEIGHT, 32), torch.full((32,), 300.0))
    with torch.no_grad():
        alone = [float(task.loss(network, task.collate([one]))[0]) for one in (usual, tall)]
        both, _ = task.loss(network, task.collate([tall, usual, usual]))
    assert float(both) == pytest.approx((2 * alone[0] + alone[1]) / 3, rel=1e-4)


def test_a_look_may_begin_with_another_ones_weights():
    source = _Source()
    task = trace_look.TraceLookTask(source, source, TINY)
    known = build_network(task.network_name, **task.network_arguments)
    task.initial = known
    fresh = build_network(task.network_name, **task.network_arguments)
    task.prepare(fresh)
    for name, tensor in known.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], tensor)


def test_columns_are_read_below_the_pixel():
    heights = torch.tensor([[20.3, 40.75, float("nan")]])
    rows = torch.arange(64)[None, :, None]
    scores = -0.5 * ((rows - heights[:, None]) / 1.0) ** 2
    scores = torch.nan_to_num(scores, nan=-50.0)
    none = torch.tensor([[[-50.0, -50.0, 0.0]]])
    centre, mass = trace_look.read_columns(torch.cat([scores, none], dim=1))
    np.testing.assert_allclose(centre[0, :2].numpy(), [20.3, 40.75], atol=0.04)
    assert mass[0, 0] > 0.97
    assert mass[0, 2] < 0.01


@pytest.mark.parametrize("fold", [(2, 2), (4, 1)])
def test_folding_is_undone(fold):
    picture = torch.randn(2, 3, 16, 12)
    folded = networks.fold_blocks(picture, fold)
    assert folded.shape == (2, 12, 16 // fold[0], 12 // fold[1])
    assert torch.equal(networks.unfold_blocks(folded, fold), picture)
    if fold == (2, 2):
        assert torch.equal(folded, torch.nn.functional.pixel_unshuffle(picture, 2))


def test_the_detail_path_answers_at_every_pixel():
    network = build_network(
        "LookNetwork",
        in_channels=4,
        classes=2,
        encoder_depth=3,
        decoder_channels=[16, 8, 8],
        fold=[4, 1],
        detail_channels=8,
    ).eval()
    picture = torch.rand(1, 4, 64, 96)
    with torch.inference_mode():
        assert network(picture).shape == (1, 2, 64, 96)


def test_the_loss_is_least_at_the_truth():
    truth = torch.full((1, 8), 30.0)
    rows = torch.arange(64)[None, :, None].expand(1, 64, 8)

    def loss(height: float) -> float:
        scores = -0.5 * ((rows - height) / 1.0) ** 2
        scores = torch.cat([scores, torch.full((1, 1, 8), -30.0)], dim=1)
        return float(trace_look.coordinate_loss(scores, truth)[0])

    assert loss(30.0) < loss(31.0) < loss(35.0)


def test_rare_classes_without_dice_still_learn_from_their_pixels():
    logits = torch.full((1, 2, 8, 8), -6.0, requires_grad=True)
    targets = torch.zeros(1, 2, 8, 8)
    targets[0, 0, 3, 3] = 1
    weights = torch.tensor([50.0, 1.0])
    page_look.segmentation_loss(logits, targets, weights, without_dice=1).backward()
    assert logits.grad is not None
    assert logits.grad[0, 0, 3, 3] < -0.1


@pytest.mark.parametrize("examples", [page_look.PageLookExamples, layout_look.LayoutLookExamples])
def test_examples_are_the_same_for_the_same_generator(examples):
    dataset = examples(_Source())
    a, b = (dataset.example(2, np.random.default_rng(4)) for _ in range(2))
    assert torch.equal(a[0], b[0])
    assert torch.equal(a[1], b[1])


def test_replayed_examples_keep_their_target():
    fresh = page_look.PageLookExamples(_Source())
    replayed = Replayed(fresh, fresh=0.0, size=24)
    for number in range(24):
        replayed._pool.append((torch.full((3, 4, 4), 100 + number, dtype=torch.uint8),
                               torch.full((1, 4, 4), number).half()))  # fmt: skip
    picture, target = replayed.example(0, np.random.default_rng(0))
    assert 0 <= picture.min() <= picture.max() <= 1
    assert target.unique().numel() == 1


@pytest.mark.parametrize("block", [(2, 2), (4, 1)])
def test_blocks_are_folded_as_pixel_unshuffle_does(block):
    image = torch.rand(2, 3, 16, 24)
    folded = networks.fold_blocks(image, block)
    if block == (2, 2):
        assert torch.equal(folded, torch.nn.functional.pixel_unshuffle(image, 2))
    assert torch.equal(
        folded[:, 1], image[:, 0, 1 // block[1] :: block[0], 1 % block[1] :: block[1]]
    )
    assert torch.equal(networks.unfold_blocks(folded, block), image)


def test_strips_are_seen_as_the_network_was_trained_to(looks):
    strip = np.random.default_rng(0).integers(0, 255, (100, 70, 3)).astype(np.uint8)
    picture = torch.cat([page_look.to_tensor(strip), trace_look.height_channel(100, 70)])[None]
    multiple = looks._trace.multiple
    padding = (0, -70 % multiple, 0, -100 % multiple)
    padded = torch.nn.functional.pad(picture, padding, mode="replicate")
    logits = torch.from_numpy(looks._trace(padded.numpy()))[..., :100, :70]
    expected = trace_look.column_scores(logits).softmax(dim=1)[0]
    np.testing.assert_allclose(looks.see_trace(strip), expected, atol=1e-5)


def test_shipped_graphs_see_what_their_networks_see():
    import checkpoints

    rng = np.random.default_rng(0)
    for name in NAMES.values():
        folder = checkpoints.path(name)
        checkpoint = read_checkpoint(folder)
        network = TorchNetwork(checkpoint.network)
        described: Any = checkpoint.network.graph_inputs
        inputs = [one.example(rng, 2) for one in described.values()]
        np.testing.assert_allclose(
            open_network(folder, "cpu")(*inputs), network(*inputs), atol=1e-3, err_msg=name
        )
