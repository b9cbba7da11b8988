#!/usr/bin/env bash
# Train the MI classifier that reads lead maps:  classification/train_maps.sh PTBXL_FOLDER [RUN_FOLDER] [options]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ptbxl=${1:?usage: classification/train_maps.sh PTBXL_FOLDER [RUN_FOLDER] [options]}
[[ ${2:--} == -* ]] && set -- "$1" runs/maps-mi "${@:2}"
exec .venv/bin/ecgphoto train maps-mi --ptbxl "$ptbxl" --out "$2" "${@:3}"
