"""Fitting of the combination of the two MI routes, on fold 9."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TrainCombination:
    """Fit how the two MI routes become one calibrated probability."""

    ptbxl: Path
    """PTB-XL folder (PhysioNet's own layout or packed shards)."""
    out: Path = Path("runs/mi-combination")
    """Folder for calibration.json and its card."""
    signals: tuple[Path, ...] = ()
    """Checkpoints of the signal classifiers; the shipped ones where none are named."""
    maps: Path | None = None
    """Checkpoint of the maps classifier; the shipped one where None."""


def main(config: TrainCombination) -> Path:
    """Fit on fold 9 as 3x4 pages with a rhythm strip show it; returns the folder written."""
    from dataclasses import asdict

    import numpy as np

    import checkpoints
    import classification.maps_network
    import classification.signal_network  # noqa: F401  (both register networks)
    from classification.combination import CALIBRATED, Calibration, fit_calibration
    from classification.findings import fit_findings
    from classification.maps_task import maps_logits
    from classification.mi import FACTS_FILE
    from classification.records import load_split
    from classification.signal_route import SignalRoute
    from classification.signal_task import signal_logits
    from classification.targets import TARGETS
    from dataset_generation.printed_windows import PrintedWindows
    from ecg.metrics.diagnosis import auroc
    from learning.checkpoint import read_checkpoint

    signals = SignalRoute.load(config.signals)
    maps = read_checkpoint(config.maps or checkpoints.path("mi_maps")).network
    signals_uv, targets = load_split(config.ptbxl, "validation")
    mi = targets[:, 0] > 0.5
    page = PrintedWindows("3x4", rhythm_leads=("II",))
    whole_logits = signal_logits(signals, signals_uv)
    printed_logits = signal_logits(signals, signals_uv, page)
    columns = [TARGETS.index(name) for name in CALIBRATED]
    whole, printed = whole_logits[:, columns], printed_logits[:, columns]
    drawn = maps_logits(maps, signals_uv, page)[:, columns]
    fitted = {
        "signal": fit_calibration(whole, None, mi),
        "maps": fit_calibration(drawn, None, mi),
        "both": fit_calibration(printed, drawn[:, 0], mi),
    }
    both = fitted["both"]

    def told(calibration: Calibration, logits: NDArray[np.floating]) -> float:
        chance = [calibration.probability(*one) for one in logits.tolist()]
        return auroc(mi, np.array(chance))

    config.out.mkdir(parents=True, exist_ok=True)
    findings = {
        "signal": fit_findings(whole_logits, targets, TARGETS),
        "both": fit_findings(printed_logits, targets, TARGETS),
    }
    facts = {
        "mi": {name: calibration.as_dict() for name, calibration in fitted.items()},
        "findings": {
            shown: {name: asdict(calibration) for name, calibration in each.items()}
            for shown, each in findings.items()
        },
    }
    text = json.dumps(facts, indent=2) + "\n"
    (config.out / FACTS_FILE).write_text(text, encoding="utf-8")
    (config.out / "README.md").write_text(
        "# mi_combination\n\n"
        "Logistic combination and calibration of the two MI routes, fitted on PTB-XL 1.0.3 fold 9 "
        "(Wagner et al., doi 10.13026/kfzx-aw45, CC BY 4.0) as error-free 3x4 pages with a "
        "rhythm strip show it; `signal` alone on whole records. Prevalence of MI there: "
        f"{100 * float(mi.mean()):.0f} %. The threshold in use is the one of 0.9 specificity; "
        "within `unsure`, a twentieth of the records, it cannot be told. `findings` calibrates "
        "what else the signals say, nested in the probability of infarction.\n\n"
        "| operating point, both routes | probability |\n| --- | --- |\n"
        + "".join(f"| {name} | {value:.3f} |\n" for name, value in both.operating_points.items())
        + "\n"
        "| fold 9, AUROC of MI | |\n| --- | --- |\n"
        f"| signals, whole records | {told(fitted['signal'], whole):.4f} |\n"
        f"| signals, 3x4 pages | {told(fit_calibration(printed, None, mi), printed):.4f} |\n"
        f"| maps, 3x4 pages | {told(fitted['maps'], drawn):.4f} |\n"
        f"| both, 3x4 pages | {told(both, np.column_stack([printed, drawn[:, 0]])):.4f} |\n",
        encoding="utf-8",
    )
    return config.out
