/* Words: which are technical (kept), which are names. Tables generated at build time from deid/text/vocabulary/ (one word list a file), the data
 * dictionary's attribute names, the code meanings of PS3.16 and an English word list. Layer: deid. Thread rule: constant tables. */
#ifndef LETHE_DEID_VOCABULARY_H
#define LETHE_DEID_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>

typedef enum lethe_word_class {
    LETHE_WORD_UNKNOWN = 0,
    LETHE_WORD_TECHNICAL = 1 << 0, /* anatomy, sequences, kernels, orientations, units, words of the standard, function words */
    LETHE_WORD_NAME = 1 << 1,      /* a common first or family name */
    LETHE_WORD_TITLE = 1 << 2,     /* M Mme Dr Pr Mr Mrs Frau Herr: names follow */
    LETHE_WORD_PARTICLE = 1 << 3,  /* de la van von ben el: part of a name between names */
    LETHE_WORD_CUE = 1 << 4,       /* for, pour, by, patient, operateur: a name may follow */
    LETHE_WORD_FUNCTION = 1 << 5,  /* and, of, with, sans: never a name by itself */
    LETHE_WORD_PLAIN = 1 << 6,     /* an ordinary English word: kept, but not beside a name */
    LETHE_WORD_EPONYM = 1 << 7,    /* a name in terms of medicine; TECHNICAL when hardly anybody bears it today, else NAME */
    LETHE_WORD_TERM = 1 << 8,      /* makes an EPONYM beside it one of medicine: cyst, ligament, maladie */
    LETHE_WORD_MAKER = 1 << 9      /* TECHNICAL too: a maker of devices or what it calls them; somebody's name when the object says so */
} lethe_word_class;

/* Classes of a folded word (lethe_text_fold), or-ed. */
unsigned lethe_vocabulary_classes(const char *folded, size_t size);
size_t lethe_vocabulary_count(void);
/* How much a folded word of letters A to Z that is in no list looks like a technical word rather than a name, by its threes of letters: above 0 it
 * does. On words left out of the training lists it removes about 85 of 100 names and keeps about 78 of 100 technical words. */
int lethe_vocabulary_resemblance(const char *folded, size_t size);

#endif
