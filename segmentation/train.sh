#!/usr/bin/env bash
# Train all looks, one after the other:  segmentation/train.sh PTBXL_FOLDER [RUN_FOLDER] [options]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ptbxl=${1:?usage: segmentation/train.sh PTBXL_FOLDER [RUN_FOLDER] [options]}
[[ ${2:--} == -* ]] && set -- "$1" runs "${@:2}"
for look in page-look layout-look trace-look lead-names text-lines; do
  .venv/bin/ecgphoto train "$look" --ptbxl "$ptbxl" --out "$2/$look" "${@:3}"
done
