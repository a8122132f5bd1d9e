/* The audit trail lies on the ground floor: reviewers' decisions stand in it too. Layer: ingest. */
#ifndef LETHE_INGEST_TRAIL_H
#define LETHE_INGEST_TRAIL_H

#include "core/trail.h" /* IWYU pragma: export */

#endif
