# An hour of garbage, half-open connections and slow peers against one receiver: no crash, flat memory, service goes on. LETHE_SOAK_SECONDS sets how long.
export LETHE_HOSTILE_SECONDS=${LETHE_SOAK_SECONDS:-3600}
bash "$LETHE_SOURCE/tests/cases/ingest_hostile.sh"
