#!/usr/bin/env bash
# Train all looks, one after the other:  segmentation/train.sh PTBXL_FOLDER [RUN_FOLDER] [options]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ptbxl=${1:?usage: segmentation/train.sh PTBXL_FOLDER [RUN_FOLDER] [options]}
run=runs
shift 1
if [[ ${1:-} && ${1:-} != -* ]]; then
  run=$1
  shift
fi
for look in page-look layout-look trace-look lead-names text-lines; do
  .venv/bin/ecgphoto train "$look" --ptbxl "$ptbxl" --out "$run/$look" "$@"
done
