"""U-Nets of segmentation-models-pytorch behind a space-to-depth stem."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

import learning.torchvision_guard  # noqa: F401  (before segmentation_models_pytorch)
from learning.registry import register_network

ARCHITECTURES = ("unet", "unetplusplus")


@register_network
class LookNetwork(nn.Module):
    """A U-Net that works at half resolution and answers at full or half resolution.

    ``PixelUnshuffle(2)`` folds each 2 x 2 block into channels, so that the costly finest level of
    the U-Net runs on a quarter of the pixels; ``PixelShuffle(2)`` unfolds the answer. On two CPU
    cores this is three to four times cheaper than the same U-Net at full resolution.

    Args:
        in_channels: channels of the picture.
        classes: channels of the answer (logits).
        architecture: ``unet`` or ``unetplusplus``.
        encoder: name of an encoder of segmentation-models-pytorch.
        encoder_depth: levels of the encoder, 3 to 5.
        decoder_channels: widths of the decoder's levels, as many as ``encoder_depth``.
        output_stride: 1 for logits of every pixel, 2 for every second.
    """

    def __init__(
        self,
        in_channels: int = 3,
        classes: int = 1,
        architecture: str = "unet",
        encoder: str = "resnet18",
        encoder_depth: int = 4,
        decoder_channels: Sequence[int] = (96, 64, 48, 32),
        output_stride: int = 1,
    ) -> None:
        super().__init__()
        import segmentation_models_pytorch as smp

        if architecture not in ARCHITECTURES:
            raise ValueError(f"architecture must be one of {ARCHITECTURES}, not {architecture!r}")
        if output_stride not in (1, 2):
            raise ValueError(f"output_stride must be 1 or 2, not {output_stride}")
        build = {"unet": smp.Unet, "unetplusplus": smp.UnetPlusPlus}[architecture]
        self.multiple = 2 * 2**encoder_depth
        self.fold = nn.PixelUnshuffle(2)
        self.unet = build(
            encoder_name=encoder,
            encoder_depth=encoder_depth,
            encoder_weights=None,
            decoder_channels=tuple(decoder_channels),
            in_channels=4 * in_channels,
            classes=classes * (4 if output_stride == 1 else 1),
        )
        if encoder_depth == 4 and hasattr(self.unet.encoder, "layer4"):
            # The library builds all four ResNet stages; at this depth the last is never used.
            self.unet.encoder.layer4 = nn.Identity()
        self.unfold = nn.PixelShuffle(2) if output_stride == 1 else nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, in_channels, h, w)`` to logits; h and w multiples of ``self.multiple``."""
        folded = self.fold(image).contiguous(memory_format=torch.channels_last)
        answer: Tensor = self.unfold(self.unet(folded))
        return answer
