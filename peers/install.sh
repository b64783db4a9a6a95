#!/usr/bin/env bash
# Installs the programs that exports are loaded in, once and with a network: three releases of transformers, and big_vision with
# JAX. About 3 GB. RealLoadersTest finds them here and is skipped where they are not; nothing in the product needs them.
# For 'palimpsest bench all' peers/torch.sh is enough.
#
#   peers/install.sh         into peers/installed
#   peers/install.sh DIR     into DIR, which PALIMPSEST_PEERS then names
set -euo pipefail
dir="${1:-$(dirname "${BASH_SOURCE[0]}")/installed}"
python="${PYTHON:-python3}"
mkdir -p "$dir"

# One PyTorch, and each release of transformers in a folder of its own that PYTHONPATH names.
"$python" -m venv "$dir/torch"
"$dir/torch/bin/pip" install torch safetensors pillow
for release in 4.44.2 4.57.6 5.24.0; do
  "$dir/torch/bin/pip" install --target "$dir/transformers-$release" "transformers==$release"
done

"$python" -m venv "$dir/jax"
"$dir/jax/bin/pip" install jax flax orbax-checkpoint einops ml_collections absl-py safetensors
[ -d "$dir/big_vision" ] || git clone https://github.com/google-research/big_vision "$dir/big_vision"
git -C "$dir/big_vision" checkout 0127fb6b337ee2a27bf4e54dea79cff176527356
