#!/usr/bin/env bash
# Installs what 'palimpsest bench all' measures itself against, once and with a network: PyTorch in the version of our own engine,
# with Pillow and numpy. Nothing in the product needs them. On Linux PyPI's PyTorch brings CUDA along and takes 5 GB;
# PIP_INDEX_URL=https://download.pytorch.org/whl/cpu has one without, of 1 GB.
#
#   peers/torch.sh         into peers/installed
#   peers/torch.sh DIR     into DIR, which PALIMPSEST_PEERS then names
#
#   PYTHON   makes the virtual environment. Default: python3; PyTorch 2.7.1 exists for Python 3.9 to 3.13
#   TORCH    what is installed, such as torch==2.8.0. Default: torch==2.7.1
set -euo pipefail
dir="${1:-$(dirname "${BASH_SOURCE[0]}")/installed}"
python="${PYTHON:-python3}"
mkdir -p "$dir"

"$python" -m venv "$dir/step"
"$dir/step/bin/pip" install "${TORCH:-torch==2.7.1}" numpy pillow
"$dir/step/bin/python" "$(dirname "${BASH_SOURCE[0]}")/step.py" --probe
