#!/bin/bash
# Identifiers planted in every eleventh of the real files, all built-in profiles: no leak, wanted words stay (tests/score/plant.py). Then other people in every
# seventeenth.
set -e
bash "$LETHE_SOURCE/tests/score/planted.sh" 11 2000
SEED=2 exec bash "$LETHE_SOURCE/tests/score/planted.sh" 17 1000 research
