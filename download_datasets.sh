#!/usr/bin/env bash
# Downloads PTB-XL 1.0.3 (Wagner et al. 2020, doi 10.13026/kfzx-aw45, CC BY 4.0) from PhysioNet
# and checks every file against the SHA256SUMS.txt published with it.
#
# Run it again at any time: complete files are checked and kept, cut ones are resumed, wrong ones
# are fetched again. A file appears under its name only when its checksum is right.
set -euo pipefail

base_url="https://physionet.org/files/ptb-xl/1.0.3"
out="data/ptb-xl"
subset="records100"
workers=8
readonly sums="SHA256SUMS.txt" rounds=3 batch=40

usage() {
  cat <<EOF
usage: ./download_datasets.sh [--out DIR] [--subset records100|records500|all] [--workers N]
                              [--base-url URL]

  --out DIR       where the data goes (default $out)
  --subset NAME   records100 (100 Hz, 0.5 GB), records500 (500 Hz, 2.4 GB) or all (default $subset)
  --workers N     downloads at a time (default $workers)
  --base-url URL  another server with the same files (default $base_url)
EOF
}

fail() {
  echo "download_datasets.sh: $2" >&2
  exit "$1"
}

sha256() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }

# fetch_batch: called once for each batch of "hash path" lines, given as arguments hash path ...
# Prints one line "done" for each file that ends up right; says nothing of the others, which the
# next round takes up again.
fetch_batch() {
  local config report hash path code
  config=$(mktemp) report=$(mktemp)
  local -A wanted=()
  while (($#)); do
    hash=$1 path=$2
    shift 2
    if [[ -f $path.part && $(sha256 "$path.part" | cut -c1-64) == "$hash" ]]; then
      mv -f "$path.part" "$path" && echo "done"
      continue
    fi
    wanted["$path.part"]=$hash
    mkdir -p "$(dirname "$path")"
    printf 'url = "%s/%s"\noutput = "%s.part"\n' "$base_url" "${path// /%20}" "$path" >>"$config"
  done
  # One curl for the batch, so that the connection is kept. Its own exit status is that of the
  # last file; what counts is the line that it reports for each.
  if ((${#wanted[@]})); then
    curl --silent --location --fail --continue-at - --retry 2 --connect-timeout 20 \
      --speed-limit 100 --speed-time 60 --config "$config" \
      --write-out '%{exitcode} %{http_code} %{filename_effective}\n' >"$report" || true
    while read -r code http part; do
      [[ -n ${wanted[$part]:-} && -f $part ]] || continue
      if [[ $(sha256 "$part" | cut -c1-64) == "${wanted[$part]}" ]]; then
        mv -f "$part" "${part%.part}" && echo "done"
      elif [[ $code == 0 || $code == 33 || $http == 416 ]]; then
        rm -f "$part" # whole but wrong, or the server cannot resume it: start over
      fi
    done <"$report"
  fi
  rm -f "$config" "$report"
}

if [[ ${1:-} == --fetch-batch ]]; then # a worker, started by xargs below
  base_url=$2
  shift 2
  fetch_batch "$@"
  exit 0
fi

while (($#)); do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --out | --subset | --workers | --base-url)
      (($# >= 2)) || fail 2 "$1 needs a value (see --help)."
      case $1 in
        --out) out=$2 ;;
        --subset) subset=$2 ;;
        --workers) workers=$2 ;;
        --base-url) base_url=${2%/} ;;
      esac
      shift 2
      ;;
    *) fail 2 "unknown argument $1 (see --help)." ;;
  esac
done

case $subset in
  records100) skip='^records500/' ;;
  records500) skip='^records100/' ;;
  all) skip='^$' ;;
  *) fail 2 "--subset is records100, records500 or all, not $subset." ;;
esac
[[ $workers =~ ^[1-9][0-9]*$ ]] || fail 2 "--workers is a whole number from 1, not $workers."
command -v curl >/dev/null || fail 1 "curl was not found: install it (Debian: apt-get install curl)."

script=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/$(basename "${BASH_SOURCE[0]}")
mkdir -p "$out" 2>/dev/null && [[ -w $out ]] || fail 1 "cannot write to $out."
cd "$out"

if [[ ! -s $sums ]]; then
  curl --silent --location --fail --retry 2 --connect-timeout 20 --output "$sums.part" \
    "$base_url/$sums" || fail 1 "cannot fetch $base_url/$sums: check the network or give --base-url."
  grep -qE '^[0-9a-f]{64} +[^ ]' "$sums.part" ||
    { rm -f "$sums.part" && fail 1 "$base_url/$sums is not a list of SHA-256 sums."; }
  mv -f "$sums.part" "$sums"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# "hash path" of every file of the subset. A path that leaves the folder is refused.
awk -v skip="$skip" '{ hash = $1; sub(/^[0-9a-f]+ [ *]?/, ""); sub(/^\.\//, "") }
  length(hash) == 64 && $0 !~ skip && $0 != "SHA256SUMS.txt" { print hash, $0 }' "$sums" >"$work/wanted"
if grep -qE '^[0-9a-f]{64} (/|(.*/)?\.\.(/|$))|["\\]' "$work/wanted"; then
  fail 1 "$sums names a file outside the folder."
fi
total=$(wc -l <"$work/wanted")

# find_missing: the lines of "wanted" whose file is absent or wrong -> "missing".
find_missing() {
  local hash path
  while read -r hash path; do
    if [[ -f $path ]]; then echo "$hash  $path" >&3; else echo "$hash $path" >&4; fi
  done <"$work/wanted" 3>"$work/present" 4>"$work/missing"
  # Sums of what is there, by several processes; only lines that are right come back out.
  cut -c67- "$work/present" | tr '\n' '\0' |
    xargs -0 -r -n 500 -P "$workers" bash -c \
      'if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi' sha >"$work/sums"
  sort "$work/sums" >"$work/sums.sorted"
  sort "$work/present" | comm -23 - "$work/sums.sorted" | sed 's/^\([0-9a-f]*\)  /\1 /' >>"$work/missing"
}

find_missing
left=$(wc -l <"$work/missing")
echo "$((total - left)) of $total files are there and right; fetching $left." >&2

for ((round = 1; round <= rounds && left > 0; round++)); do
  sed 's/ /\n/' "$work/missing" | tr '\n' '\0' |
    xargs -0 -r -n $((2 * batch)) -P "$workers" bash "$script" --fetch-batch "$base_url" |
    awk -v n="$left" '{ if (++done % 500 == 0) print done " of " n " fetched" > "/dev/stderr" }'
  find_missing
  left=$(wc -l <"$work/missing")
done

if ((left)); then
  example=$(head -n 1 "$work/missing" | cut -c66-)
  fail 1 "$left of $total files could not be fetched right from $base_url (the first: $example); run the command again to go on."
fi
echo "All $total files of PTB-XL 1.0.3 ($subset) are in $PWD and match $sums." >&2
