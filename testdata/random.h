/* Numbers from a seed (splitmix64) and people who do not exist. Thread rule: no shared state. */
#ifndef LETHE_TESTDATA_RANDOM_H
#define LETHE_TESTDATA_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct lethe_random {
    uint64_t state;
} lethe_random;

/* A stream of its own for (seed, stream): files do not depend on the order in which they are made. */
void lethe_random_seed(lethe_random *random, uint64_t seed, uint64_t stream);
uint64_t lethe_random_next(lethe_random *random);
uint32_t lethe_random_below(lethe_random *random, uint32_t bound); /* 0 to bound - 1; bound > 0 */
double lethe_random_unit(lethe_random *random);                    /* [0, 1) */
double lethe_random_normal(lethe_random *random);                  /* mean 0, deviation 1 */

/* An invented person. All strings UTF-8. */
typedef struct lethe_person {
    char family[64], given[64], middle[32], prefix[8]; /* as they would be written: "Lefèvre", "Hélène" */
    char birth_name[64];                               /* differs from family for some */
    char pn[192];                                      /* DICOM PN: FAMILY^Given^Middle */
    char sex;                                          /* M or F */
    unsigned birth_year, birth_month, birth_day;
    char birth_da[9];
    char patient_id[16]; /* IPP: digits, sometimes with letters */
    char nir[16];        /* 15 digits with a right key (Corsica's 2A and 2B too) */
    char issuer[32];
    char phone[24], email[80], street[64], postcode[8], town[48];
    char hospital[64], department[48], ward[32];
    char referring_pn[96], performing_pn[96], operator_pn[96];
    char referring_family[48], performing_family[48], operator_family[48];
    char referring_rpps[16];
    char plain_family[64], plain_given[64]; /* upper case without accents, as machines print them; "" when not Latin */
    char relative[48];                      /* somebody whom only a title gives away */
    char phone_abroad[24];                  /* the phone as +33 6 ... */
    unsigned charset;                       /* index into lethe_charsets */
} lethe_person;

/* Person number `index` of the hospital with this seed. */
void lethe_person_invent(uint64_t seed, unsigned index, lethe_person *person);

#endif
