#!/usr/bin/env bash
# Train the MI classifier that reads lead maps:  classification/train_maps.sh PTBXL_FOLDER [RUN_FOLDER] [options]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ptbxl=${1:?usage: classification/train_maps.sh PTBXL_FOLDER [RUN_FOLDER] [options]}
run=runs/maps-mi
shift 1
if [[ ${1:-} && ${1:-} != -* ]]; then
  run=$1
  shift
fi
exec .venv/bin/ecgphoto train maps-mi --ptbxl "$ptbxl" --out "$run" "$@"
