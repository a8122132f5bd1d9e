#!/bin/bash
# Identifiers planted in every eleventh of the real files, all built-in profiles: no leak, wanted words stay (tests/score/plant.py).
exec bash "$LETHE_SOURCE/tests/score/planted.sh" 11 2000
