#!/usr/bin/env bash
# Certifies and measures the program on a GPU in under 8 minutes, beside the same steps in PyTorch.
#
# usage: peers/gpu_check.sh [--engine cuda|DIR] [--device cuda|cpu] [--size 3b|blocks|tiny] [--python PROGRAM]
#                           [--cases DIR]... [--steps N] [--out DIR]
#   --engine  what './palimpsest --engine' takes. Default: cuda, which is fetched before the clock starts
#   --device  cpu is a dry run: everything but the GPU itself. Default: cuda
#   --size    of the steps; 3b is PaliGemma at 224, 448 and 896 pixels. Default: 3b
#   --python  with PyTorch, for the peer; without PyTorch there is no peer. Default: python3
#   --cases   further folders of reference cases
#   --out     logs and figures. Default: gpu-check in the working directory
#
# With several GPUs, two of them also train a small model, connected by NCCL, and so do four or eight if they are there;
# that takes up to two and a half minutes more.
#
# Exit code 0 if every reference case holds, a repetition has the same bits, ranks have the bits of one process and, with 3b
# on a GPU whose peak is known, MFU at 224 pixels is 42 % or more; 1 if not; 2 if the device cannot be used.
set -uo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
engine=cuda device=cuda size=3b python=python3 steps=6 out="$PWD/gpu-check"
limit=460 # seconds in all
cases=("$root"/cli/src/test/resources/dev/palimpsest/cli/certify/*/)
while [ $# -gt 0 ]; do
  case "$1" in
    --engine | --device | --size | --python | --cases | --steps | --out)
      [ $# -ge 2 ] || { echo "$1 needs a value" >&2; exit 2; }
      if [ "$1" = --cases ]; then cases+=("$2"/); else declare "${1#--}=$2"; fi
      shift 2
      ;;
    *) sed -n '2,/^set/p' "${BASH_SOURCE[0]}" | sed -n 's/^# \{0,1\}//p'; exit 2 ;;
  esac
done
case "$size" in
  3b) configs=(paligemma-3b-224 paligemma-3b-448 paligemma-3b-896) repeated=blocks-224 ;;
  blocks) configs=(blocks-224 blocks-448) repeated=blocks-224 ;;
  tiny) configs=(tiny) repeated=tiny ;;
  *) echo "--size must be 3b, blocks or tiny, got '$size'" >&2; exit 2 ;;
esac
mkdir -p "$out" || exit 2
failures=()

# ---- what all parts use

# A word of bench step's --config: a built-in set, or a file.
config() { if [ "$1" = tiny ]; then echo tiny; else echo "$root/configs/bench/$1.yaml"; fi; }

# The peer's words for the same sizes: size, resolution, text, batch.
peer_sizes() {
  if [ "$1" = tiny ]; then
    echo "--size tiny --resolution 56 --text 32 --batch 4"
  else
    sed -n "s/^resolution: */--resolution /p; s/^textTokens: */--text /p; s/^batchSize: */--batch /p" "$(config "$1")" | tr '\n' ' '
    echo "--size ${1%-*}"
  fi
}

# A figure of a JSON file by its name; a dash where there is none.
figure() {
  local value
  value="$(sed -n "s/^ *\"$2\" *: *\"\{0,1\}\([^\",]*\).*/\1/p" "$1" 2>/dev/null | head -1)"
  echo "${value:--}"
}

# Runs a part within what is left of the time; its words go to files.
part() {
  local log="$out/$1.txt" errors="$out/$1-errors.txt" left=$((limit - SECONDS)) code
  shift
  if [ "$left" -lt 15 ]; then
    echo "not run: no time left" | tee "$log"
    return 124
  fi
  timeout "$left" "$@" >"$log" 2>"$errors"
  code=$?
  [ $code -eq 0 ] || echo "  exit code $code; the end of $errors: $(tail -n 1 "$errors")"
  return $code
}

palimpsest() { "$root/palimpsest" --engine "$engine" "$@"; }

# A share as percent; a quotient.
percent() { awk -v x="$1" 'BEGIN { if (x == "-") print "-"; else printf "%.1f %%", 100 * x }'; }
quotient() { awk -v x="$1" -v y="$2" 'BEGIN { if (x == "-" || y == "-") print "-"; else printf "%.2f", x / y }'; }
gibibytes() { awk -v x="$1" 'BEGIN { if (x == "-") print "-"; else printf "%.1f", x / 1073741824 }'; }
rounded() { awk -v x="$1" 'BEGIN { if (x == "-") print "-"; else printf "%.4g", x }'; }

# ---- the machine. The engine is fetched and the program built here, before the clock starts.

echo "Engine and device ($engine, $device):"
palimpsest doctor --device "$device" >"$out/doctor.txt" 2>"$out/doctor-errors.txt"
code=$?
cat "$out/doctor.txt"
if [ $code -ne 0 ]; then
  tail -n 1 "$out/doctor-errors.txt" >&2
  exit "$code"
fi
PALIMPSEST_DEVICE="$device"
export PALIMPSEST_DEVICE
SECONDS=0

# ---- the same numbers as the references

echo
echo "Reference cases:"
export -f palimpsest
export root engine
if part certify bash -c 'palimpsest certify "$@"' _ "${cases[@]}"; then
  tail -n 1 "$out/certify.txt"
else
  grep -E 'FAIL' "$out/certify.txt"
  failures+=("reference cases")
fi

# ---- the same bits again

echo
echo "The same steps twice ($repeated, bf16):"
for turn in 1 2; do
  part "repetition-$turn" bash -c 'palimpsest bench step "$@"' _ \
    --config "$(config "$repeated")" --precision bf16 --steps 3 --json "$out/repetition-$turn.json"
done
first="$(figure "$out/repetition-1.json" trace)"
if [ "$first" != - ] && [ "$first" = "$(figure "$out/repetition-2.json" trace)" ]; then
  echo "every loss and norm has the same bits"
else
  echo "losses and norms differ"
  failures+=("repetition")
fi

# ---- several GPUs, connected by NCCL

# Trains a small model on so many GPUs and, in the fixed order, gives the same bits as one; with exchanges beside the
# backward pass (always) or without.
trained() {
  local ranks=$1 name="ranks-$1-$2-$3" sharding=$2 overlap=$3
  rm -rf "${out:?}/$name"
  part "$name" bash -c 'palimpsest launch "$@"' _ "$root/peers/ranks.yaml" --to local --gpus-per-node "$ranks" \
    --out "$out/$name" --set ranks.reductionOrder=fixed --set "ranks.sharding=$sharding" \
    --set "ranks.overlap=$overlap"
}

# The bits of all tensors that a run has ended with.
bits() {
  local end
  end="$(find "$out/$1"/*/checkpoints -mindepth 1 -maxdepth 1 -type d | sort | tail -n 1)"
  [ -n "$end" ] && (cd "$end" && find . -name '*.safetensors' -type f | sort | xargs sha256sum)
}

gpus="$(grep -cE '^ +cuda:[0-9]+ ' "$out/doctor.txt")"
echo
if [ "$device" = cpu ] || [ "$gpus" -lt 2 ]; then
  echo "Ranks and NCCL: not checked, which takes two GPUs."
else
  limit=$((limit + 210))
  echo "Ranks connected by NCCL, $gpus GPUs:"
  trained 1 none never
  one="$(bits ranks-1-none-never)"
  most=2
  [ "$gpus" -lt 4 ] || most=4
  [ "$gpus" -lt 8 ] || most=8
  for run in "2 none never" "2 none always" "2 parameters never" "2 parameters always" "$most optimizer never" "$most gradients always"; do
    read -r ranks sharding overlap <<<"$run"
    name="ranks-$ranks-$sharding-$overlap"
    if trained "$ranks" "$sharding" "$overlap" && [ -n "$one" ] && [ "$(bits "$name")" = "$one" ]; then
      echo "$ranks ranks, sharding $sharding, overlap $overlap: $(grep -ho 'connected by NCCL [0-9.]*' "$out/$name.txt" "$out/$name-errors.txt" | head -1), the bits of one process"
    else
      echo "$ranks ranks, sharding $sharding, overlap $overlap: not the bits of one process"
      failures+=("$ranks ranks with sharding $sharding, overlap $overlap")
    fi
  done
fi

# ---- speed

peer=no
if "$python" -c 'import torch, sys; sys.exit(sys.argv[1] == "cuda" and not torch.cuda.is_available())' "${device%%:*}" 2>"$out/peer-errors.txt"; then
  peer=yes
else
  echo
  echo "No peer: $python has no PyTorch that computes on $device; --python names another."
fi
for name in "${configs[@]}"; do
  echo
  echo "Steps of $name, bf16:"
  part "step-$name" bash -c 'palimpsest bench step "$@"' _ \
    --config "$(config "$name")" --precision bf16 --steps "$steps" --pictures --json "$out/step-$name.json" &&
    tail -n +3 "$out/step-$name.txt"
  if [ $peer = yes ]; then
    # shellcheck disable=SC2046 # sizes are words
    part "peer-$name" "$python" "$root/peers/step.py" $(peer_sizes "$name") \
      --device "$device" --precision bf16 --steps "$steps" --json "$out/peer-$name.json"
  fi
done
if [ $peer = yes ]; then
  # shellcheck disable=SC2046
  part "compiled-${configs[0]}" "$python" "$root/peers/step.py" $(peer_sizes "${configs[0]}") \
    --device "$device" --precision bf16 --steps "$steps" --compile --json "$out/compiled-${configs[0]}.json"
fi

# ---- the table

gpu="$(figure "$out/step-${configs[0]}.json" gpu)"
echo
{
  echo "$(date -u +%Y-%m-%d), $([ "$gpu" = - ] && echo "$device" || echo "$gpu, peak $(figure "$out/step-${configs[0]}.json" peakTeraflops) TFLOP/s"), engine $engine, bf16, $SECONDS s"
  echo
  echo "| | s/step | MFU | of the GEMM peak | GPU GiB | images/s from files | waiting for them | PyTorch s/step | faster by | compiled s/step |"
  echo "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
  for name in "${configs[@]}"; do
    ours="$out/step-$name.json" theirs="$out/peer-$name.json"
    seconds="$(figure "$ours" secondsPerStep)"
    echo "| $name | $(rounded "$seconds") | $(percent "$(figure "$ours" mfu)") | $(percent "$(figure "$ours" shareOfGemmPeak)") \
| $(gibibytes "$(figure "$ours" gpuMemoryBytes)") | $(rounded "$(figure "$ours" picturesPerSecond)") | $(percent "$(figure "$ours" picturesWaited)") \
| $(rounded "$(figure "$theirs" secondsPerStep)") | $(quotient "$(figure "$theirs" secondsPerStep)" "$seconds") \
| $(rounded "$(figure "$out/compiled-$name.json" secondsPerStep)") |"
  done
} | tee "$out/table.md"

for name in "${configs[@]}"; do
  [ "$(figure "$out/step-$name.json" secondsPerStep)" != - ] || failures+=("steps of $name")
done
mfu="$(figure "$out/step-paligemma-3b-224.json" mfu)"
if [ "$mfu" != - ] && awk -v x="$mfu" 'BEGIN { exit !(x < 0.42) }'; then
  failures+=("MFU at 224 pixels, $(percent "$mfu") where 42 % is asked for")
fi
echo
if [ ${#failures[@]} -eq 0 ]; then
  echo "All holds; figures and logs are in $out."
else
  (IFS=';'; echo "Does not hold: ${failures[*]}; figures and logs are in $out.")
  exit 1
fi
