#!/usr/bin/env bash
# Train the MI classifier that reads signals:  classification/train_signals.sh PTBXL_FOLDER [RUN_FOLDER] [options]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ptbxl=${1:?usage: classification/train_signals.sh PTBXL_FOLDER [RUN_FOLDER] [options]}
[[ ${2:--} == -* ]] && set -- "$1" runs/signal-mi "${@:2}"
exec .venv/bin/ecgphoto train signal-mi --ptbxl "$ptbxl" --out "$2" "${@:3}"
