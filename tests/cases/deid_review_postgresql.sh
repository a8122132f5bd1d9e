#!/bin/bash
# deid_review.sh with the project on PostgreSQL.
export LETHE_TEST_STORE=postgresql
source "$LETHE_SOURCE/tests/cases/deid_review.sh"
