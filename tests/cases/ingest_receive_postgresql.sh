# ingest_receive.sh with the project on PostgreSQL.
export LETHE_TEST_STORE=postgresql LETHE_KILLS=${LETHE_KILLS:-8}
source "$LETHE_SOURCE/tests/cases/ingest_receive.sh"
