"""The reconstruction models by name: what each takes and how it is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from learning.training import Task


@dataclass(frozen=True)
class Model:
    """How a model is trained.

    Attributes:
        summary: what it is, in a line.
        leads: leads that it is given where the user names none; empty takes any part of a record.
        make_task: from training and validation records, ``(n, 12, 1000)`` int16 microvolts, and
            the leads.
        budget: what ``learning.training.TrainingConfig`` takes beside a user's options.
        takes_alpha: whether it can be trained through a classifier; its task is then a
            ``RegressionTask``.
    """

    summary: str
    leads: tuple[str, ...]
    make_task: Callable[[NDArray[np.int16], NDArray[np.int16], tuple[str, ...]], Task]
    budget: Mapping[str, Any] = field(default_factory=dict)
    takes_alpha: bool = False


def _completion(
    train_uv: NDArray[np.int16], validation_uv: NDArray[np.int16], leads: tuple[str, ...]
) -> Task:
    from reconstruction.completion_task import CompletionTask

    if leads:
        raise ValueError("completion takes any leads and windows: leave --leads out")
    return CompletionTask(train_uv, validation_uv)


def _rescnn(
    train_uv: NDArray[np.int16], validation_uv: NDArray[np.int16], leads: tuple[str, ...]
) -> Task:
    from reconstruction.rescnn_task import RescnnTask

    return RescnnTask(train_uv, validation_uv, leads)


def _rescnn_small(
    train_uv: NDArray[np.int16], validation_uv: NDArray[np.int16], leads: tuple[str, ...]
) -> Task:
    from reconstruction.rescnn_task import SMALL, RescnnSmallTask

    return RescnnSmallTask(train_uv, validation_uv, leads, SMALL)


def _u_resnet(
    train_uv: NDArray[np.int16], validation_uv: NDArray[np.int16], leads: tuple[str, ...]
) -> Task:
    from reconstruction.u_resnet_task import UResNetTask

    return UResNetTask(train_uv, validation_uv, leads)


def _adversarial(
    model: str,
) -> Callable[[NDArray[np.int16], NDArray[np.int16], tuple[str, ...]], Task]:
    def make(
        train_uv: NDArray[np.int16], validation_uv: NDArray[np.int16], leads: tuple[str, ...]
    ) -> Task:
        from reconstruction.adversarial_task import AdversarialTask

        return AdversarialTask(model, train_uv, validation_uv, leads)

    return make


_ADVERSARIAL_BUDGET: Mapping[str, Any] = {
    "weight_decay": 0.0,
    "gradient_clip": 10.0,
    "ema_decay": 0.999,
}

MODELS: dict[str, Model] = {
    "completion": Model(
        "masked completion of any leads and windows",
        (),
        _completion,
        {"weight_decay": 0.02, "warmup_steps": 200, "ema_decay": 0.998},
    ),
    "rescnn": Model(
        "residual convolutional network of the paper's size, by R2",
        ("I", "II", "V3"),
        _rescnn,
        {"weight_decay": 0.02, "warmup_steps": 500, "ema_decay": 0.998},
        takes_alpha=True,
    ),
    "rescnn_small": Model(
        "residual convolutional network that a CPU trains, by R2",
        ("I", "II", "V3"),
        _rescnn_small,
        {"weight_decay": 0.02, "warmup_steps": 100, "ema_decay": 0.998},
        takes_alpha=True,
    ),
    "u_resnet": Model(
        "U-shaped residual network, by absolute error",
        ("I", "II", "V3"),
        _u_resnet,
        {"weight_decay": 0.02, "warmup_steps": 200, "ema_decay": 0.998},
        takes_alpha=True,
    ),
    "ekgan": Model(
        "generator whose latent follows an autoencoder's, against a discriminator of every sample",
        ("I",),
        _adversarial("ekgan"),
        _ADVERSARIAL_BUDGET,
    ),
    "pix2pix": Model(
        "U-Net against a discriminator of stretches",
        ("I",),
        _adversarial("pix2pix"),
        _ADVERSARIAL_BUDGET,
    ),
    "cyclegan": Model(
        "two U-Nets, there and back, against discriminators of stretches",
        ("I",),
        _adversarial("cyclegan"),
        _ADVERSARIAL_BUDGET,
    ),
    "cardiogan": Model(
        "two gated generators, there and back, against discriminators of time and frequency",
        ("I",),
        _adversarial("cardiogan"),
        _ADVERSARIAL_BUDGET,
    ),
}
