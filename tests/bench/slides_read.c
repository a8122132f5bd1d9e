/* room: imaging
 * Tiles per second of one slide: lethe_slide_read_tile with 1 and 2 threads, OpenSlide's read_region of the same tiles beside it, in one run. */
#include "imaging/slide/slide.h"

#include <openslide/openslide.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SECONDS = 3 };

typedef struct job {
    lethe_slide *slide;
    openslide_t *openslide;
    unsigned first, step;
    uint64_t tiles;
    bool failed;
} job;

static double now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *read_tiles(void *argument) {
    job *j = argument;
    const lethe_slide_level *level = lethe_slide_level_at(j->slide, 0);
    uint64_t count = (uint64_t)(level->tiles_across * level->tiles_down);
    uint32_t *argb = malloc((size_t)level->tile_width_px * level->tile_height_px * 4);
    double stop = now() + SECONDS;
    /* A step that is no factor of the count visits tiles far apart: no cache helps. */
    for (uint64_t at = j->first; now() < stop && argb; at += 7919 * j->step, j->tiles++) {
        int64_t column = (int64_t)(at % count) % level->tiles_across, row = (int64_t)(at % count) / level->tiles_across;
        if (j->openslide) {
            openslide_read_region(j->openslide, argb, column * level->tile_width_px, row * level->tile_height_px, 0, level->tile_width_px,
                                  level->tile_height_px);
            j->failed |= openslide_get_error(j->openslide) != NULL;
        } else {
            lethe_image tile;
            j->failed |= lethe_slide_read_tile(j->slide, 0, column, row, &tile, NULL) != LETHE_OK;
            lethe_image_release(&tile);
        }
    }
    free(argb);
    return NULL;
}

static double rate(lethe_slide *slide, openslide_t *openslide, unsigned threads) {
    pthread_t thread[2];
    job jobs[2] = {{slide, openslide, 0, threads, 0, false}, {slide, openslide, 1, threads, 0, false}};
    double start = now();
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, read_tiles, &jobs[i]) != 0) exit(1);
    uint64_t tiles = 0;
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(thread[i], NULL);
        tiles += jobs[i].tiles;
        if (jobs[i].failed) exit(1);
    }
    return (double)tiles / (now() - start);
}

int main(int argc, char **argv) {
    lethe_error error = {0};
    lethe_slide *slide = NULL;
    if (argc != 2 || lethe_slide_open(argv[1], &slide, &error) != LETHE_OK) {
        (void)fprintf(stderr, "bench-slides_read SLIDE: %s\n", error.message);
        return 1;
    }
    openslide_t *openslide = openslide_open(argv[1]);
    for (unsigned threads = 1; threads <= 2; threads++) {
        double own = rate(slide, NULL, threads), other = openslide && !openslide_get_error(openslide) ? rate(slide, openslide, threads) : 0;
        (void)printf("%u thread%s   lethe %7.0f tiles/s   OpenSlide %7.0f tiles/s   ratio %.1f\n", threads, threads > 1 ? "s" : " ", own, other,
                     other > 0 ? own / other : 0);
    }
    if (openslide) openslide_close(openslide);
    lethe_slide_close(slide);
    return 0;
}
