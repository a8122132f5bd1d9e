#include "ingest/service.h"
lethe_status lethe_stow_run(const service_context *context, lethe_error *error) {
    (void)context;
    return lethe_fail(error, LETHE_UNSUPPORTED, "not built");
}
