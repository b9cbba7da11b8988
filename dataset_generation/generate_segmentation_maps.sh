#!/usr/bin/env bash
# Reads every photo of a PTB-V data set: digitized records to learn classification from.
#   dataset_generation/generate_segmentation_maps.sh PTB_V_FOLDER OUT_FOLDER
set -euo pipefail
if [ $# -ne 2 ]; then
  echo "usage: $0 PTB_V_FOLDER OUT_FOLDER" >&2
  exit 2
fi
photos="$(realpath "$1")/images"
out="$(realpath -m "$2")"
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
exec ecgphoto digitize "$photos" --out "$out"
