"""The data card: what a PTB-V data set holds, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dataset_generation.masks import CLASSES
from dataset_generation.sample import Recipe
from dataset_generation.sources import RecordSource

Row = dict[str, str]
_MOST_LABELS = 30


def data_card(rows: Sequence[Row], source: RecordSource, recipe: Recipe) -> str:
    """Write the card as Markdown.

    Args:
        rows: the data set's index.
        source: where the records came from.
        recipe: how the photos were sampled.
    """
    records = {row["record_id"] for row in rows}
    patients = {row["patient_id"] for row in rows if row["patient_id"]}
    strengths = ", ".join(f"{name} {share:.3g}" for name, share in recipe.strengths)
    scale = f"{recipe.megapixels:g} megapixels a photo, 200 dpi for clean pages and scans"
    if recipe.pixels_per_mm is not None:
        scale = f"{recipe.pixels_per_mm:g} pixels per mm"
    layouts = ", ".join(recipe.layouts) or "as often as real papers have them"
    labels = Counter(label for row in rows for label in row["labels"].split())
    classes = ", ".join(f"{value} {name}" for value, name in enumerate(CLASSES))
    parts = [
        "# PTB-V: photos of printed ECGs with exact truth",
        f"{len(rows)} photos of {len(records)} records of {len(patients)} known patients, drawn "
        "and photographed by the ecgphoto generator. Header texts, dates and handwriting on the "
        "pages are invented.",
        f"{source.credit}",
        "## Made from",
        f"- source: {source.name}\n- seed: {recipe.seed}\n- pages: {recipe.pages}\n"
        f"- layouts: {layouts}\n"
        f"- strengths: {strengths}\n- size: {scale}",
        "## Files",
        "- `index.csv`: one row a photo; `shard` names its tar file, empty in a plain folder\n"
        "- photos: `ID.jpg` or `.png`\n"
        f"- masks: `ID.mask.png`, a palette PNG of class numbers: {classes}. Grid lines are those "
        "every 5 mm; the trace includes calibration pulses. Where classes meet the higher number "
        "wins\n"
        "- masks of leads: `ID.leads.png`, 16 bits: bit k is lead k of I, II, III, aVR, aVL, aVF, "
        "V1 to V6; where leads cross a pixel has several\n"
        "- truth: `ID.json`: record, patient, fold, labels, layout, the map from page millimetres "
        "to photo pixels, crossings of the grid, centre lines, words, and all sampled parameters\n"
        "- signals: `ID.hea`, `ID.dat`: WFDB at 500 Hz, mV, missing where nothing was printed\n"
        "- `shards/`: these files as WebDataset tars; a plain folder has them as `images/ID.jpg`, "
        "`masks/ID.png`, `leads/ID.png`, `truth/ID.json` and `signals/ID.hea`\n"
        "- `recipe.json`: options and presets that decide how photos look; `parts/`: what is "
        "finished\n"
        "- `contact_sheet.jpg`: some photos beside their masks",
        "Points are (x, y) photo pixels; (0, 0) is the centre of the first pixel. Pages of one "
        "patient belong on one side of a split: split by `patient_id` or `fold`.",
        "## Counts",
        _table("class", Counter(row["target"] or "not known" for row in rows)),
        _table("fold", Counter(row["fold"] or "none" for row in rows), numeric=True),
        _table("layout", Counter(row["layout"] for row in rows)),
        _table("strength", Counter(row["strength"] for row in rows)),
        _table("effect", Counter(name for row in rows for name in row["effects"].split())),
        _table("missing lead", Counter(name for row in rows for name in row["missing"].split())),
        _table("label", Counter(dict(labels.most_common(_MOST_LABELS)))),
        _table("speed (mm/s)", Counter(row["speed_mm_per_s"] for row in rows)),
        _table("gain (mm/mV)", Counter(row["gain_mm_per_mv"] for row in rows)),
    ]
    return "\n\n".join(parts) + "\n"


def _table(name: str, counts: Counter[str], numeric: bool = False) -> str:
    """Counts, the largest first, or by number."""
    keys = sorted(counts, key=lambda key: (-counts[key], key))
    if numeric:
        keys = sorted(counts, key=lambda key: (not key.isdigit(), key.zfill(4)))
    lines = [f"| {name} | photos |", "| --- | ---: |"]
    return "\n".join([*lines, *(f"| {key} | {counts[key]} |" for key in keys)])
