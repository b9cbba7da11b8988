"""Training of the reconstructors: one set of leads, or several that are compared."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ecg.leads import LEADS, canonical_lead, derivable_leads
from learning.options import TrainError
from reconstruction.models import MODELS
from reconstruction.options import TrainReconstructor

if TYPE_CHECKING:
    from classification.records import Split
    from learning.training import Task

COMPARISON_FILE = "comparison.csv"
_COMPARED = ("leads", "pearson", "r2", "steps", "minutes")
_PRESETS = {
    "compare-inputs": ["I,II", *(f"I,II,{lead}" for lead in LEADS[6:])],
}
_DETECTOR = "mi_signals"

Leads = tuple[str, ...]


def main(config: TrainReconstructor) -> Path:
    """Train, or go on training.

    With several sets of leads each has a folder of its own in ``out``, and ``comparison.csv``
    there is written again after each: its figures on fold 9, steps and minutes.

    Returns:
        The folder of the best checkpoint or, of several sets, ``out``.

    Raises:
        TrainError: the options contradict one another or fit nothing.
        DatasetNotFoundError: PTB-XL is not where it is said to be.
        CheckpointError: there is no checkpoint to start from, or it does not fit.
    """
    sets = lead_sets(config)
    _check(config, sets)
    from classification.records import load_split

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    training, validation = (load_split(config.ptbxl, name) for name in ("train", "validation"))
    if len(sets) == 1:
        return _train(config, sets[0], config.out, training, validation)
    rows = []
    for leads in sets:
        folder = config.out / "-".join(leads)
        _train(config, leads, folder, training, validation)
        rows.append(_figures(folder, leads))
        _write_comparison(config.out / COMPARISON_FILE, rows)
    return config.out


def lead_sets(config: TrainReconstructor) -> list[Leads]:
    """The sets of leads that the options name; one empty set where the model takes any leads.

    Raises:
        TrainError: a name is no lead's, a set leaves nothing to find, or the model takes none.
    """
    model = MODELS[config.model]
    if config.leads is not None and config.preset is not None:
        raise TrainError("--leads and --preset both name leads: give one of them")
    texts = None if config.leads is None else config.leads.split(";")
    if config.preset is not None:
        texts = _PRESETS[config.preset]
    if not model.leads:
        if texts is not None:
            raise TrainError(
                f"{config.model} takes any leads and windows: leave --leads and --preset out"
            )
        return [()]
    if texts is None:
        return [model.leads]
    return list(dict.fromkeys(_parse(text) for text in texts))


def _parse(text: str) -> Leads:
    try:
        named = {canonical_lead(name) for name in text.split(",")}
    except ValueError as error:
        raise TrainError(f"--leads {text!r}: {error}") from None
    leads = tuple(lead for lead in LEADS if lead in named)
    if len(derivable_leads(leads)) == len(LEADS):
        raise TrainError(
            f"{', '.join(leads)} already give all twelve leads: nothing is left to reconstruct"
        )
    return leads


def _check(config: TrainReconstructor, sets: Sequence[Leads]) -> None:
    """Refuse what can be seen to fail before the records are read."""
    from learning.checkpoint import read_config

    if not 0 <= config.alpha <= 1:
        raise TrainError(f"--alpha is a share from 0 to 1, not {config.alpha:g}")
    if config.alpha < 1 and not MODELS[config.model].takes_alpha:
        able = ", ".join(name for name, model in MODELS.items() if model.takes_alpha)
        raise TrainError(f"--alpha works with {able}, not with {config.model}")
    if config.start_from is not None:
        if len(sets) > 1:
            raise TrainError("--start-from is of one set of leads: train one set at a time")
        stored = read_config(config.start_from)["arguments"].get("leads", [])
        if tuple(stored) != sets[0]:
            raise TrainError(
                f"{config.start_from} was trained with the leads {', '.join(stored) or 'any'}, "
                f"this run is of {', '.join(sets[0]) or 'any'}"
            )
    try:
        config.training_config(**MODELS[config.model].budget)
    except ValueError as error:
        raise TrainError(str(error)) from None


def _train(
    config: TrainReconstructor, leads: Leads, out: Path, training: Split, validation: Split
) -> Path:
    from dataclasses import replace

    from learning.training import train
    from reconstruction.deviation import store_deviation

    task = _make_task(config, leads, training, validation)
    _check_folder(out, task)
    folder = train(task, replace(config, out=out).training_config(**MODELS[config.model].budget))
    store_deviation(folder, validation[0], config.device)
    return folder


def _make_task(
    config: TrainReconstructor, leads: Leads, training: Split, validation: Split
) -> Task:
    from reconstruction.task import ReconstructionTask

    try:
        task = MODELS[config.model].make_task(training[0], validation[0], leads)
    except ValueError as error:
        raise TrainError(str(error)) from None
    if config.start_from is not None:
        if not isinstance(task, ReconstructionTask):
            raise TrainError(f"{config.model} cannot start from a checkpoint")
        task.start_from = config.start_from
    if config.alpha == 1:
        return task
    import checkpoints
    from reconstruction.regression_task import RegressionTask
    from reconstruction.through_classification import ThroughClassificationTask

    assert isinstance(task, RegressionTask)
    return ThroughClassificationTask(
        task,
        training[1][:, 0],
        validation[0],
        validation[1][:, 0],
        checkpoints.load(_DETECTOR),
        config.alpha,
    )


def _check_folder(out: Path, task: Task) -> None:
    """Refuse a folder that holds the run of another network."""
    from learning.training import CONFIG_FILE, STATE_FILE

    if not ((out / STATE_FILE).exists() and (out / CONFIG_FILE).exists()):
        return
    run = json.loads((out / CONFIG_FILE).read_text())
    now = (task.network_name, json.loads(json.dumps(dict(task.network_arguments))))
    if (run["network"], run["arguments"]) != now:
        raise TrainError(
            f"{out} holds a run of {run['network']} with {run['arguments']}, which this one "
            "cannot go on with; choose another --out"
        )


def _figures(folder: Path, leads: Leads) -> dict[str, object]:
    from learning.checkpoint import read_config
    from learning.training import CHECKPOINT_FOLDER, METRICS_FILE

    metrics = read_config(folder / CHECKPOINT_FOLDER)["metadata"]["metrics"]
    with (folder / METRICS_FILE).open() as file:
        *_, last = csv.DictReader(file)
    return {
        "leads": "+".join(leads),
        "pearson": round(metrics["pearson"], 4),
        "r2": round(metrics["r2"], 4),
        "steps": int(float(last["step"])),
        "minutes": last["minutes"],
    }


def _write_comparison(path: Path, rows: list[dict[str, object]]) -> None:
    from learning.checkpoint import write_atomically

    text = io.StringIO()
    writer = csv.DictWriter(text, _COMPARED, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())
