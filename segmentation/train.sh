#!/usr/bin/env bash
# Train all looks, one after the other:  segmentation/train.sh PTBXL_FOLDER [RUN_FOLDER] [options]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ptbxl=${1:?usage: segmentation/train.sh PTBXL_FOLDER [RUN_FOLDER] [options]}
for look in page-look layout-look lead-names trace-look; do
  .venv/bin/ecgphoto train "$look" --ptbxl "$ptbxl" --out "${2:-runs}/$look" "${@:3}"
done
