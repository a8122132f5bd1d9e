#!/bin/bash
# annotate_changed.sh with the project on PostgreSQL.
export LETHE_TEST_STORE=postgresql
source "$LETHE_SOURCE/tests/cases/annotate_changed.sh"
