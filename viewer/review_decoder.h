/* Frames of originals are decoded by a process of their own: confined (core/sandbox.h), it reads the project's images and nothing else, and its end
 * is a message, not that of the viewer. What it gives back is checked before it is believed. Layer: viewer. Thread rule: start before there are other
 * threads or a window; then any thread may ask, one is served at a time. */
#ifndef LETHE_VIEWER_REVIEW_DECODER_H
#define LETHE_VIEWER_REVIEW_DECODER_H

#include "core/project.h"
#include "viewer/study.h"

typedef struct lethe_review_decoder lethe_review_decoder;

/* Errors: LETHE_NO_MEMORY, LETHE_IO, LETHE_DENIED when the process cannot be confined. */
LETHE_NODISCARD lethe_status lethe_review_decoder_start(const lethe_project *project, lethe_review_decoder **out, lethe_error *error);
void lethe_review_decoder_destroy(lethe_review_decoder *decoder);
/* For lethe_frame_reader_decode_outside; borrows the decoder. */
lethe_frame_outside lethe_review_decoder_frames(lethe_review_decoder *decoder);
/* The process as the kernel knows it; 0 when it cannot be asked (tests look at how it is confined). */
int lethe_review_decoder_process(lethe_review_decoder *decoder);

#endif
