#!/usr/bin/env bash
# Reads photos, such as a PTB-V folder, into a set to train on: lead maps, merged pictures, signals.
# Run it again to go on with a stopped run.
#   dataset_generation/generate_segmentation_maps.sh PTB_V_FOLDER [--out DIR] [--augment N] ...
set -euo pipefail
PATH="$(cd "$(dirname "$0")/.." && pwd)/.venv/bin:$PATH"
exec ecgphoto readings "$@"
