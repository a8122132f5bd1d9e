#include "testdata/random.h"

#include <math.h>

void lethe_random_seed(lethe_random *random, uint64_t seed, uint64_t stream) {
    random->state = seed * 0x9E3779B97F4A7C15u ^ stream * 0xD1B54A32D192ED03u ^ 0x2545F4914F6CDD1Du;
    (void)lethe_random_next(random);
    (void)lethe_random_next(random);
}

uint64_t lethe_random_next(lethe_random *random) {
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

uint32_t lethe_random_below(lethe_random *random, uint32_t bound) { return (uint32_t)((lethe_random_next(random) >> 32) * bound >> 32); }

double lethe_random_unit(lethe_random *random) { return (double)(lethe_random_next(random) >> 11) * 0x1p-53; }

/* Sum of twelve uniform numbers: the same bits on every machine, which log() and cos() do not promise. */
double lethe_random_normal(lethe_random *random) {
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += lethe_random_unit(random);
    return sum;
}
