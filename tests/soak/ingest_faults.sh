# 1,000 faults of the disk and of senders at random instants (tests/cases/ingest_faults.sh).
export LETHE_FAULTS=${LETHE_FAULTS:-1000}
bash "$LETHE_SOURCE/tests/cases/ingest_faults.sh"
