#!/usr/bin/env bash
# Train a reconstructor:  reconstruction/train.sh PTBXL_FOLDER MODEL [RUN_FOLDER] [options, such as --leads I,II,V3]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
usage="usage: reconstruction/train.sh PTBXL_FOLDER MODEL [RUN_FOLDER] [options]"
ptbxl=${1:?$usage}
model=${2:?$usage}
[[ ${3:--} == -* ]] && set -- "$1" "$2" "runs/$model" "${@:3}"
exec .venv/bin/ecgphoto train reconstructor --ptbxl "$ptbxl" --model "$model" --out "$3" "${@:4}"
