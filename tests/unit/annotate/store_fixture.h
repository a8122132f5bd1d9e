/* A project in a temporary folder with a small catalogue: patient P-A with a study of two MR slices, patient P-B with a slide. */
#ifndef LETHE_TESTS_STORE_FIXTURE_H
#define LETHE_TESTS_STORE_FIXTURE_H

#include "annotate/store.h"
#include "core/memory.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct fixture {
    char root[64], folder[96];
    lethe_project *project;
    lethe_store *store;
} fixture;

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *where) {
    (void)info;
    (void)flag;
    (void)where;
    return remove(path);
}

static inline void fixture_entries(lethe_catalogue *catalogue) {
    const lethe_catalogue_entry entries[] = {
        {.path = "P-A/2.25.1/2.25.2/2.25.3.dcm",
         .kind = "dicom",
         .patient = "P-A",
         .study_uid = "2.25.1",
         .series_uid = "2.25.2",
         .instance_uid = "2.25.3",
         .modality = "MR",
         .series_number = 1,
         .instance_number = 1,
         .rows = 32,
         .columns = 40,
         .frames = 1},
        {.path = "P-A/2.25.1/2.25.2/2.25.4.dcm",
         .kind = "dicom",
         .patient = "P-A",
         .study_uid = "2.25.1",
         .series_uid = "2.25.2",
         .instance_uid = "2.25.4",
         .modality = "MR",
         .series_number = 1,
         .instance_number = 2,
         .rows = 32,
         .columns = 40,
         .frames = 3},
        {.path = "P-B/slides/JNOHPOSX.svs", .kind = "slide", .patient = "P-B", .modality = "SM", .rows = 20000, .columns = 30000, .frames = 1},
    };
    lethe_error error = {0};
    if (lethe_catalogue_put(catalogue, entries, 3, &error) != LETHE_OK) {
        (void)fprintf(stderr, "fixture: %s\n", error.message);
        abort();
    }
}

static inline void fixture_open(fixture *f) {
    lethe_error error = {0};
    (void)snprintf(f->root, sizeof f->root, "/tmp/lethe-store-XXXXXX");
    if (mkdtemp(f->root) == NULL) abort();
    (void)snprintf(f->folder, sizeof f->folder, "%s/p", f->root);
    if (lethe_project_create(f->folder, "test", "", &error) != LETHE_OK || lethe_project_open(f->folder, false, &f->project, &error) != LETHE_OK ||
        lethe_store_open(f->project, NULL, &f->store, &error) != LETHE_OK) {
        (void)fprintf(stderr, "fixture: %s\n", error.message);
        abort();
    }
    fixture_entries(lethe_store_catalogue(f->store));
}

static inline void fixture_close(fixture *f) {
    lethe_store_close(f->store);
    lethe_project_close(f->project);
    (void)nftw(f->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
