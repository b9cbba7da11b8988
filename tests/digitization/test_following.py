"""A trace is followed through columns that, seen alone, say something else."""

import numpy as np

from digitization import following
from digitization.following import follow

HEIGHTS, WIDTH = 120, 200


def _columns(centre, share=1.0, sigma=1.0):
    rows = np.arange(HEIGHTS)[:, None]
    bump = np.exp(-0.5 * ((rows - centre[None]) / sigma) ** 2)
    return share * bump / bump.sum(axis=0)


def _with_none(heights, none):
    full = np.concatenate([heights, np.broadcast_to(none, (1, heights.shape[1]))])
    return (full / full.sum(axis=0)).astype(np.float32)[None]


def _wave():
    return 60 + 25 * np.sin(np.arange(WIDTH) / 15)


def test_a_clear_trace_is_read_below_the_pixel():
    centre, presence, confidence = follow(_with_none(_columns(_wave()), 0.01))
    assert np.abs(centre[0] - _wave()).max() < 0.1
    assert presence.min() > 0.9
    assert confidence.min() > 0.9


def test_a_neighbour_that_looks_likelier_for_a_few_columns_is_not_followed():
    wave, neighbour = _wave(), np.full(WIDTH, 110.0)
    share = np.where((np.arange(WIDTH) > 90) & (np.arange(WIDTH) < 94), 0.45, 1.0)
    columns = _columns(wave) * share + _columns(neighbour) * (1 - share)
    assert np.abs(columns.argmax(axis=0) - wave).max() > 20
    centre, _, _ = follow(_with_none(columns, 0.01))
    assert np.abs(centre[0] - wave).max() < 15  # a quarter of the way


def test_columns_without_a_trace_say_so():
    none = np.where(np.arange(WIDTH) > 150, 50.0, 0.01)
    _, presence, _ = follow(_with_none(_columns(_wave()), none))
    assert presence[0, :150].min() > 0.9
    assert presence[0, 152:].max() < 0.1


def test_empty_paper_about_the_trace_changes_nothing():
    columns = _columns(_wave())
    tall = np.pad(columns, ((400, 300), (0, 0)))
    (centre, presence, confidence), low = follow(_with_none(tall, 0.01)), _with_none(columns, 0.01)
    np.testing.assert_allclose(centre - 400, follow(low)[0], atol=1e-3)
    np.testing.assert_allclose(presence, follow(low)[1], atol=1e-6)
    np.testing.assert_allclose(confidence, follow(low)[2], atol=1e-4)


def test_a_strip_of_empty_paper_has_no_trace():
    _, presence, _ = follow(_with_none(np.zeros((HEIGHTS, WIDTH)), 1.0))
    assert presence.max() == 0


def test_a_row_followed_in_stretches_is_followed_as_a_whole():
    """Against the recursion written out column by column, over a crossing and a gap."""
    width, heights = 777, 60
    x = np.arange(width)
    rng = np.random.default_rng(8)
    level = 30 + 18 * np.sin(x / 40)
    rows = np.arange(heights)[:, None]
    columns = 0.7 * np.exp(-0.5 * ((rows - level) / 1.5) ** 2)
    columns += 0.6 * np.exp(-0.5 * ((rows - (60 - level)) / 1.5) ** 2)
    columns += 0.01 * rng.random((heights, width))
    none = np.where((x > 300) & (x < 420), 0.97, 0.02)
    columns *= (1 - none) / columns.sum(axis=0)

    evidence = columns + following._DOUBT * (none + 0.02)
    apart = np.abs(rows - rows.T)
    stays = (1 - following._JUMPS) * (1 - following._STAYS) / (1 + following._STAYS)
    moves = stays * following._STAYS**apart + following._JUMPS / heights
    onward, back = np.full(heights, 1 / heights), np.full(heights, 1 / heights)
    forward, backward = np.empty((width, heights)), np.empty((width, heights))
    for column in range(width):
        onward = (onward @ moves) * evidence[:, column]
        onward /= onward.sum()
        forward[column] = onward
        last = width - 1 - column
        backward[last] = back
        back = (back * evidence[:, last]) @ moves
        back /= back.sum()
    posterior = forward * backward
    posterior /= posterior.sum(axis=1, keepdims=True)

    found = following._forward_backward(
        np.ascontiguousarray(evidence.T[:, None].astype(np.float32)), heights
    )
    assert width > 2 * following._STRETCH
    np.testing.assert_allclose(found[:, 0], posterior, atol=2e-3)
