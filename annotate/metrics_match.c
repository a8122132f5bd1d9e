/* One-to-one matching of the largest total weight: the Hungarian method with potentials (H. W. Kuhn 1955, J. Munkres 1957), shortest paths row by
 * row. */
#include "annotate/metrics.h"

#include "core/memory.h"

#include <math.h>
#include <string.h>

/* Columns are numbered from 1; column 0 stands for the row that is being placed. Costs are negated weights. */
typedef struct matching {
    const double *weights;
    size_t rows, columns;
    double *row_price, *column_price, *slack;
    size_t *row_of, *came_from; /* row_of[column]: 1-based row, 0 = free */
    bool *done;
} matching;

static void place_row(matching *m, size_t row) {
    size_t at = 0;
    m->row_of[0] = row;
    for (size_t j = 0; j <= m->columns; j++) {
        m->slack[j] = INFINITY;
        m->done[j] = false;
    }
    do {
        size_t i = m->row_of[at], next = 0;
        double least = INFINITY;
        m->done[at] = true;
        for (size_t j = 1; j <= m->columns; j++) {
            if (m->done[j]) continue;
            double rest = -m->weights[(i - 1) * m->columns + j - 1] - m->row_price[i] - m->column_price[j];
            if (rest < m->slack[j]) {
                m->slack[j] = rest;
                m->came_from[j] = at;
            }
            if (m->slack[j] < least) {
                least = m->slack[j];
                next = j;
            }
        }
        for (size_t j = 0; j <= m->columns; j++) {
            if (m->done[j]) {
                m->row_price[m->row_of[j]] += least;
                m->column_price[j] -= least;
            } else {
                m->slack[j] -= least;
            }
        }
        at = next;
    } while (m->row_of[at] != 0);
    while (at != 0) { /* turn the path round */
        size_t before = m->came_from[at];
        m->row_of[at] = m->row_of[before];
        at = before;
    }
}

lethe_status lethe_match_largest(const double *weights, size_t rows, size_t columns, size_t *column_of_row, lethe_error *error) {
    matching m = {.weights = weights, .rows = rows, .columns = columns};
    double *turned = NULL;
    for (size_t i = 0; i < rows; i++) column_of_row[i] = SIZE_MAX;
    if (rows == 0 || columns == 0) return LETHE_OK;
    bool turn = rows > columns; /* the method places the shorter side */
    if (turn) {
        if ((turned = lethe_alloc_array(rows * columns, sizeof *turned)) == NULL)
            return lethe_fail(error, LETHE_NO_MEMORY, "no memory for a matching");
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns; j++) turned[j * rows + i] = weights[i * columns + j];
        m = (matching){.weights = turned, .rows = columns, .columns = rows};
    }
    m.row_price = lethe_alloc_array(m.rows + 1, sizeof *m.row_price);
    m.column_price = lethe_alloc_array(m.columns + 1, sizeof *m.column_price);
    m.slack = lethe_alloc_array(m.columns + 1, sizeof *m.slack);
    m.row_of = lethe_alloc_array(m.columns + 1, sizeof *m.row_of);
    m.came_from = lethe_alloc_array(m.columns + 1, sizeof *m.came_from);
    m.done = lethe_alloc_array(m.columns + 1, sizeof *m.done);
    bool complete = m.row_price != NULL && m.column_price != NULL && m.slack != NULL && m.row_of != NULL && m.came_from != NULL && m.done != NULL;
    for (size_t row = 1; complete && row <= m.rows; row++) place_row(&m, row);
    for (size_t j = 1; complete && j <= m.columns; j++)
        if (m.row_of[j] != 0) column_of_row[turn ? j - 1 : m.row_of[j] - 1] = turn ? m.row_of[j] - 1 : j - 1;
    lethe_free(turned);
    lethe_free(m.row_price);
    lethe_free(m.column_price);
    lethe_free(m.slack);
    lethe_free(m.row_of);
    lethe_free(m.came_from);
    lethe_free(m.done);
    return complete ? LETHE_OK : lethe_fail(error, LETHE_NO_MEMORY, "no memory for a matching");
}
