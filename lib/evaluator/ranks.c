/* Places among sorted cells, and categories by how often they come. */
#include "evaluator.h"

#include <stdlib.h>

size_t fb3_cells_below(const double *sorted, size_t n, double x, bool up_to) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < x || (up_to && sorted[middle] == x))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

double fb3_quantile(const double *sorted, size_t n, double share) {
    if (n == 0)
        return NAN;
    double place = share * (double)(n - 1);
    size_t below = (size_t)place;
    return below + 1 < n ? sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below])
                         : sorted[n - 1];
}

static int compare_frequencies(const void *a, const void *b) {
    const fb3_frequency *x = a, *y = b;
    int order = (x->count < y->count) - (x->count > y->count);
    return order != 0 ? order : (x->code > y->code) - (x->code < y->code);
}

void fb3_sort_frequencies(fb3_frequency *list, size_t n) {
    qsort(list, n, sizeof *list, compare_frequencies);
}
