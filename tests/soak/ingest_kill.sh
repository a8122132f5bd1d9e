# The receiver killed at 1,000 random instants (tests/cases/ingest_kill.sh), on both stores.
export LETHE_KILLS=${LETHE_KILLS:-1000}
bash "$LETHE_SOURCE/tests/cases/ingest_kill.sh" || exit 1
bash "$LETHE_SOURCE/tests/cases/ingest_kill_postgresql.sh"
