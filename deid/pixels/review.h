/* `lethe review`: a person decides the uncertain cases. Layer: deid. */
#ifndef LETHE_DEID_REVIEW_H
#define LETHE_DEID_REVIEW_H

/* The whole verb: argv[1] is list, show, approve, reject, mask or sheet. Returns an exit code (core/error.h). */
int lethe_review_main(int argc, char **argv);

#endif
