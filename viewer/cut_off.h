/* Files that are cut off, or cannot be read any more, while they are mapped: the kernel says so by SIGBUS, which would end the program. Layer:
 * viewer. Thread rule: install once; the count is each thread's own. */
#ifndef LETHE_VIEWER_CUT_OFF_H
#define LETHE_VIEWER_CUT_OFF_H

/* From now on the missing pages of a read-only mapping of a file read as zeros, and the thread that met them counts it. Whoever reads a mapping
 * compares the count before and after, and takes nothing it has read when it grew. Every other SIGBUS ends the program as before. */
void lethe_cut_off_install(void);
/* How often this thread met missing pages. */
unsigned lethe_cut_off_count(void);

#endif
