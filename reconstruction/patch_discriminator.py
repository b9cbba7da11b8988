"""The discriminator that judges stretches of a record, each on its own."""

from __future__ import annotations

from torch import Tensor, nn

from reconstruction.signal_convolutions import draw_small_weights, shrinking, with_edges

_SLOPE = 0.3


class PatchDiscriminator(nn.Module):
    """PatchGAN along time: a logit for each stretch of 0.7 s, one every 80 ms.

    Isola et al. 2017 (arXiv 1611.07004) with the seed's widths. Mended: it answers logits; the
    seed's sigmoid was followed by a loss that took another.

    Args:
        channels: leads that it sees.
        width: channels of the first stage; 64 in the paper.
        norm: ``batch`` or ``instance``.
    """

    def __init__(self, channels: int, width: int = 64, norm: str = "batch") -> None:
        super().__init__()
        self.stages = nn.Sequential(
            nn.Conv1d(channels, width, 4, 2, 1),
            nn.LeakyReLU(_SLOPE),
            shrinking(width, 2 * width, 4, 2, norm, _SLOPE),
            shrinking(2 * width, 4 * width, 4, 2, norm, _SLOPE),
            shrinking(4 * width, 8 * width, 4, 1, norm, _SLOPE),
            nn.Conv1d(8 * width, 1, 4, 1, 1),
        )
        draw_small_weights(self)

    def forward(self, x: Tensor) -> Tensor:
        """Returns logits ``(batch, 1, stretches)`` of ``(batch, channels, 1000)``."""
        logits: Tensor = self.stages(with_edges(x))
        return logits
