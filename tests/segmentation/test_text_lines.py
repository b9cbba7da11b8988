"""The text reader: what it learns from, and what it answers."""

import numpy as np
import torch

from digitization.text_lines import CHARACTERS, LINE_PX, STEP_PX, spell
from segmentation.text_lines import (
    WIDTH_PX,
    TextLineExamples,
    TextLineNetwork,
    TextLineTask,
    draw_line,
)


def test_drawn_lines_are_the_same_for_the_same_generator():
    (one, text), (other, again) = (draw_line(np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert text == again
    assert one.shape == (LINE_PX, WIDTH_PX)


def test_labels_spell_what_is_drawn():
    examples = TextLineExamples()
    for seed in range(20):
        _, words = draw_line(np.random.default_rng(seed))
        crop, numbers, count = examples.example(0, np.random.default_rng(seed))
        assert "".join(CHARACTERS[n - 1] for n in numbers[:count].tolist()) == spell(words)
        assert (numbers[count:] == 0).all()
        assert crop.shape == (1, LINE_PX, WIDTH_PX)


def test_a_line_of_any_width_is_answered_every_four_pixels():
    network = TextLineNetwork(width=4).eval()
    with torch.inference_mode():
        for width in (64, 300):
            answer = network(torch.zeros(2, 1, LINE_PX, width))
            assert answer.shape == (2, width // STEP_PX, len(CHARACTERS) + 1)


def test_the_loss_is_least_where_the_letters_are_right():
    task = TextLineTask.__new__(TextLineTask)  # without its validation lines
    numbers = torch.tensor([[3, 5, 0]])

    def loss(letters):
        logits = torch.full((1, 6, len(CHARACTERS) + 1), -5.0)
        for step, number in enumerate(letters):
            logits[0, step, number] = 5.0
        network = torch.nn.Module()
        network.forward = lambda crops: logits
        return float(task.loss(network, (torch.zeros(1, 1, 32, 24), numbers, torch.tensor([2])))[0])

    right, wrong = loss([3, 3, 0, 5, 0, 0]), loss([3, 3, 0, 7, 0, 0])
    assert right < 0.1 < wrong
