#!/usr/bin/env bash
# Makes PTB-V, photos of printed ECGs with exact truth: DATA is PTB-XL (./download_datasets.sh).
# Without DATA the ECG simulator is the source. Run it again to go on with a stopped run.
#   dataset_generation/generate_ptb_v.sh [--data DATA] [--out DIR] [--records N] ...
set -euo pipefail
PATH="$(cd "$(dirname "$0")/.." && pwd)/.venv/bin:$PATH"
exec ecgphoto generate --workers "$(getconf _NPROCESSORS_ONLN)" "$@"
