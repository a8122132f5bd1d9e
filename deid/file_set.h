/* Who makes a DICOMDIR (dicomdir.h), and when: the end of a run, the last of several shards, whatever changes a project's released files. Layer:
 * deid. Thread rule: no state; processes wait for each other (a lock in the folder). */
#ifndef LETHE_DEID_FILE_SET_H
#define LETHE_DEID_FILE_SET_H

#include "core/project.h"
#include "deid/dicomdir.h"

/* lethe_dicomdir_write, one process at a time. */
LETHE_NODISCARD lethe_status lethe_file_set_make(const char *released, const char *media, lethe_dicomdir_counts *counts, lethe_error *error);

/* A shard of a run whose inputs have a DICOMDIR has released its last file. The last of `shards` to say so makes the directory over all of them;
 * until then marks lie in `released` (hidden files that walkers pass over and `lethe deid verify` calls unfinished). Where a directory stands already
 * it is made again. */
LETHE_NODISCARD lethe_status lethe_file_set_shard_ended(const char *released, unsigned shard, unsigned shards, lethe_error *error);

/* --- a project's: in released/, once something with a DICOMDIR has come in, or one was made by hand --- */

/* From now on the project has one (an empty file private/file-set says so), and it has to be made. */
LETHE_NODISCARD lethe_status lethe_file_set_want(const lethe_project *project, lethe_error *error);
/* Something more is about to be known as released: if the project has a file-set, it has to be made again. Kept on disk until it was. */
LETHE_NODISCARD lethe_status lethe_file_set_changed(const lethe_project *project, lethe_error *error);
bool lethe_file_set_is_due(const lethe_project *project);
/* Before released files are withdrawn or made again: their second names must not outlive them. Nothing there: LETHE_OK. */
LETHE_NODISCARD lethe_status lethe_file_set_take_down(const lethe_project *project, lethe_error *error);
/* After released files changed: made (again) when the project has one; else nothing is done. Cost: every released header is read. */
LETHE_NODISCARD lethe_status lethe_file_set_put_up(const lethe_project *project, lethe_error *error);

#endif
