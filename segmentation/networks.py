"""U-Nets of segmentation-models-pytorch behind a space-to-depth stem."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

import learning.torchvision_guard  # noqa: F401  (before segmentation_models_pytorch)
from learning.onnx import GraphInput
from learning.registry import register_network

ARCHITECTURES = ("unet", "unetplusplus")


@register_network
class LookNetwork(nn.Module):
    """A U-Net that works on folded pictures and answers at full or folded resolution.

    Each block of pixels is folded into channels, so that the costly finest level of the U-Net
    runs on a quarter of the pixels, and the answer is unfolded. On two CPU cores this is three to
    four times cheaper than the same U-Net at full resolution. Blocks of 4 x 1 pixels cost as much
    as those of 2 x 2 and keep every column apart, where strokes are steep.

    Args:
        in_channels: channels of the picture.
        classes: channels of the answer (logits).
        architecture: ``unet`` or ``unetplusplus``.
        encoder: name of an encoder of segmentation-models-pytorch.
        encoder_depth: levels of the encoder, 3 to 5.
        decoder_channels: widths of the decoder's levels, as many as ``encoder_depth``.
        output_stride: 1 for logits of every pixel, 2 for every second (blocks of 2 x 2 only).
        fold: height and width of the blocks.
        detail_channels: channels of a path beside the U-Net at the folded resolution, which the
            encoder halves at once; 0 leaves it out.
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
        fold: Sequence[int] = (2, 2),
        detail_channels: int = 0,
    ) -> None:
        super().__init__()
        import segmentation_models_pytorch as smp

        if architecture not in ARCHITECTURES:
            raise ValueError(f"architecture must be one of {ARCHITECTURES}, not {architecture!r}")
        if output_stride not in (1, 2):
            raise ValueError(f"output_stride must be 1 or 2, not {output_stride}")
        if output_stride == 2 and tuple(fold) != (2, 2):
            raise ValueError("output_stride 2 needs blocks of 2 x 2")
        build = {"unet": smp.Unet, "unetplusplus": smp.UnetPlusPlus}[architecture]
        self.block = (int(fold[0]), int(fold[1]))
        self.multiple = max(self.block) * 2**encoder_depth
        side = 4 * self.multiple
        self.graph_inputs = {"image": GraphInput((1, in_channels, side, side), (0, 2, 3))}
        self.unfolds = output_stride == 1
        block_size = self.block[0] * self.block[1]
        answers = classes * (block_size if self.unfolds else 1)
        self.unet = build(
            encoder_name=encoder,
            encoder_depth=encoder_depth,
            encoder_weights=None,
            decoder_channels=tuple(decoder_channels),
            in_channels=block_size * in_channels,
            classes=answers,
        )
        if encoder_depth == 4 and hasattr(self.unet.encoder, "layer4"):
            # The library builds all four ResNet stages; at this depth the last is never used.
            self.unet.encoder.layer4 = nn.Identity()
        self.detail: nn.Module | None = None
        if detail_channels:
            self.unet.segmentation_head = nn.Identity()
            self.detail = _convolution(block_size * in_channels, detail_channels)
            self.head = nn.Sequential(
                _convolution(decoder_channels[-1] + detail_channels, 32),
                nn.Conv2d(32, answers, 3, padding=1),
            )

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, in_channels, h, w)`` to logits; h and w multiples of ``self.multiple``."""
        folded = fold_blocks(image, self.block).contiguous(memory_format=torch.channels_last)
        answer: Tensor = self.unet(folded)
        if self.detail is not None:
            answer = self.head(torch.cat([answer, self.detail(folded)], dim=1))
        return unfold_blocks(answer, self.block) if self.unfolds else answer


def _convolution(channels_in: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


def fold_blocks(image: Tensor, block: tuple[int, int]) -> Tensor:
    """``(n, c, h, w)`` to ``(n, c * bh * bw, h / bh, w / bw)``, as PixelUnshuffle orders it.

    Rows first, then columns: two plain transpositions are far quicker than one of six axes.
    """
    (bh, bw), (n, c, h, w) = block, image.shape
    folded = image.reshape(n * c, h // bh, bh, w).transpose(1, 2)
    if bw > 1:
        folded = folded.reshape(n * c * bh, h // bh * (w // bw), bw).transpose(1, 2)
    return folded.reshape(n, c * bh * bw, h // bh, w // bw)


def unfold_blocks(folded: Tensor, block: tuple[int, int]) -> Tensor:
    """The inverse of ``fold_blocks``."""
    (bh, bw), (n, channels, h, w) = block, folded.shape
    c = channels // (bh * bw)
    image = folded
    if bw > 1:
        image = image.reshape(n * c * bh, bw, h * w).transpose(1, 2)
    image = image.reshape(n * c, bh, h, w * bw).transpose(1, 2)
    return image.reshape(n, c, h * bh, w * bw)
