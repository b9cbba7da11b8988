#!/usr/bin/env bash
# Train a reconstructor:  reconstruction/train.sh PTBXL_FOLDER MODEL [RUN_FOLDER] [options, such as --leads I,II,V3]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
usage="usage: reconstruction/train.sh PTBXL_FOLDER MODEL [RUN_FOLDER] [options]"
ptbxl=${1:?$usage}
model=${2:?$usage}
run=runs/$model
shift 2
if [[ ${1:-} && ${1:-} != -* ]]; then
  run=$1
  shift
fi
exec .venv/bin/ecgphoto train reconstructor --ptbxl "$ptbxl" --model "$model" --out "$run" "$@"
