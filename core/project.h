/* The project folder: where things lie and what project.yaml says. `private/` (0700) may identify people, `released/` must not.
 *
 *     project.yaml            name, profile, store, ingest sources and peers
 *     private/   (0700)       key (0600) · inbox/ · quarantine/ · review/ · intake.db · manifest.jsonl · audit.jsonl · objections (in intake.db)
 *     released/               <patient>/<study>/<series>/<instance>.dcm · <patient>/slides/<slide>.<ext> · catalogue.db · exports/
 *
 * Layer: core. Thread rule: immutable after open. */
#ifndef LETHE_CORE_PROJECT_H
#define LETHE_CORE_PROJECT_H

#include "core/error.h"
#include "core/pseudonym.h"

#include <stdint.h>

/* What project.yaml holds; every string is never NULL after load. */
typedef struct lethe_peer {
    char *name, *aet, *host;
    uint16_t port;
    char *url;                                     /* DICOMweb root, or "" */
    char *token_file;                              /* bearer token for DICOMweb, or "" */
    bool tls;                                      /* DICOM over TLS; DICOMweb follows its URL */
    char *authorities, *certificate, *private_key; /* PEM, or "": whom we trust (DICOMweb: "" = the system's), and who we are */
    char *tls_name;                                /* DICOM over TLS: host name or address that its certificate must have, or "": any */
} lethe_peer;

typedef struct lethe_project {
    char *folder;        /* as given */
    char *private_path;  /* folder/private */
    char *released_path; /* folder/released */
    char *inbox_path, *quarantine_path, *review_path, *key_path;
    char *name;
    char *profile; /* built-in profile name or path of a YAML file, relative to the folder; default "research" */
    char *store;   /* "" = SQLite in the folder, or postgresql://... */
    struct {
        char *aet;     /* default LETHE */
        char *host;    /* default 127.0.0.1 */
        uint16_t port; /* default 11112 */
        char **watch;  /* folders to watch */
        unsigned watch_count;
        lethe_peer *peers;
        unsigned peers_count;
    } ingest;
    char *config_path; /* project.yaml: rooms may read their own extra sections from it */
} lethe_project;

/* Make the folders, the key and project.yaml. Errors: LETHE_EXISTS when project.yaml is there. `store` "" for SQLite. */
LETHE_NODISCARD lethe_status lethe_project_create(const char *folder, const char *name, const char *store, lethe_error *error);
/* Errors: LETHE_NOT_FOUND when `folder` has no project.yaml, LETHE_CONFIG, LETHE_DENIED when private/ can be read by others (only checked when
 * `private_side`; the viewer and annotators open with false and never touch private/). */
LETHE_NODISCARD lethe_status lethe_project_open(const char *folder, bool private_side, lethe_project **out, lethe_error *error);
void lethe_project_close(lethe_project *project);
/* The database that holds the intake tables (private side), or the catalogue and labels (released side). For SQLite private/intake.db and
 * released/catalogue.db, for PostgreSQL the schemas lethe_private and lethe_released. The caller frees. NULL when memory is short. */
LETHE_NODISCARD char *lethe_project_intake_url(const lethe_project *project);
LETHE_NODISCARD char *lethe_project_catalogue_url(const lethe_project *project);

#endif
