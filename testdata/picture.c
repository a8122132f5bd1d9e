#include "testdata/picture.h"

void lethe_picture_fill(lethe_picture *picture, int value) {
    for (size_t i = 0; i < (size_t)picture->columns * picture->rows; i++) picture->values[i] = (int16_t)value;
}

void lethe_picture_ellipse(lethe_picture *picture, double cx, double cy, double rx, double ry, int value) {
    double width = picture->columns, height = picture->rows;
    int top = (int)((cy - ry) * height), bottom = (int)((cy + ry) * height) + 1;
    if (top < 0) top = 0;
    if (bottom > (int)picture->rows) bottom = (int)picture->rows;
    for (int y = top; y < bottom; y++) {
        double dy = ((y + 0.5) / height - cy) / ry;
        for (unsigned x = 0; x < picture->columns; x++) {
            double dx = ((x + 0.5) / width - cx) / rx;
            if (dx * dx + dy * dy <= 1) picture->values[(size_t)y * picture->columns + x] = (int16_t)value;
        }
    }
}

enum { GRID = 17 };

/* Bilinear between random grid points: cheap and smooth. */
void lethe_picture_texture(lethe_picture *picture, lethe_random *random, int threshold, int amplitude, int noise) {
    int grid[GRID][GRID];
    for (int i = 0; i < GRID; i++)
        for (int j = 0; j < GRID; j++) grid[i][j] = amplitude == 0 ? 0 : (int)lethe_random_below(random, (uint32_t)(2 * amplitude + 1)) - amplitude;
    uint64_t bits = 0;
    int left = 0;
    for (unsigned y = 0; y < picture->rows; y++) {
        unsigned gy = y * (GRID - 1) / picture->rows, fy = y * (GRID - 1) * 16 / picture->rows % 16;
        for (unsigned x = 0; x < picture->columns; x++) {
            int16_t *at = &picture->values[(size_t)y * picture->columns + x];
            int change = 0;
            if (*at > threshold && amplitude != 0) {
                unsigned gx = x * (GRID - 1) / picture->columns, fx = x * (GRID - 1) * 16 / picture->columns % 16;
                int upper = grid[gy][gx] * (int)(16 - fx) + grid[gy][gx + 1] * (int)fx;
                int lower = grid[gy + 1][gx] * (int)(16 - fx) + grid[gy + 1][gx + 1] * (int)fx;
                change = (upper * (int)(16 - fy) + lower * (int)fy) / 256;
            }
            if (left == 0) bits = lethe_random_next(random), left = 4;
            if (noise != 0) change += (int)((bits & 0xFFFF) * (uint32_t)(2 * noise + 1) >> 16) - noise;
            bits >>= 16;
            left--;
            *at = (int16_t)(*at + change);
        }
    }
}

void lethe_picture_clamp(lethe_picture *picture, int low, int high) {
    for (size_t i = 0; i < (size_t)picture->columns * picture->rows; i++) {
        if (picture->values[i] < low) picture->values[i] = (int16_t)low;
        if (picture->values[i] > high) picture->values[i] = (int16_t)high;
    }
}
