/* Figures made from distances between rows: fidelity, diversity and privacy. */
#ifndef FB3_DISTANCES_H
#define FB3_DISTANCES_H

#include "evaluator/neighbours.h"

enum { FB3_BALL_NEIGHBOURS = 5 };

/* A sample in the space of ranks, and the nearest rows of its own. */
typedef struct fb3_cloud {
    fb3_part part;
    fb3_population of;
    fb3_points points;
    fb3_neighbours own; /* k = FB3_BALL_NEIGHBOURS; empty for training rows that are apart */
} fb3_cloud;

/* The nearest rows between two clouds: two from each point of the one, one from each point of the other. */
typedef struct fb3_crossing {
    fb3_neighbours there, back;
} fb3_crossing;

/* What is the same for all generated tables. */
struct fb3_clouds {
    bool ready, has_second, has_training;
    fb3_cloud real, second, training;
    const fb3_features *features;
    uint64_t max_rows;
    bool reference; /* authenticity_reference is wanted */
};

/* Searches in real, and in second and training unless they are NULL; does nothing when that is done.
 * Errors: CANCELLED, MEMORY. */
flowbd3_status fb3_clouds_create(fb3_clouds *clouds, fb3_work *work, const fb3_features *features,
                                 const fb3_sample *real, const fb3_sample *second, const fb3_sample *training,
                                 const flowbd3_evaluator_options *options, flowbd3_error *err);
void fb3_clouds_destroy(fb3_clouds *clouds, flowbd3_context *context);

uint64_t fb3_clouds_steps(const fb3_sizes *sizes, bool reference, uint64_t max_rows);

/* All figures of this header for other; NULL: for the second real sample, as the floor. Errors: CANCELLED,
 * MEMORY. */
flowbd3_status fb3_compare_distances(fb3_comparison *comparison, fb3_work *work, const fb3_clouds *clouds,
                                     const fb3_sample *other, flowbd3_error *err);
uint64_t fb3_distance_steps(const fb3_sizes *sizes, bool reference, uint64_t max_rows);

/* Of the search for the neighbours of those training rows, apart, that are nearest to one of other's. */
static inline uint64_t fb3_own_steps(size_t training, size_t other) {
    return fb3_search_steps(training < other ? training : other);
}

/* The squared distance of every point to its k-th neighbour in its own cloud, or to the farthest where there
 * are fewer; -1, which holds nothing, where there is none. to[points]. */
void fb3_radii(double *to, const fb3_cloud *cloud, size_t k);

/* to[rows]: of[points * width] of the point of every row. */
void fb3_row_values(double *to, const fb3_points *points, const double *of, size_t width);

/* Makes the mean of values[n] of rows a figure of the summary, and keeps the values where outcomes are
 * wanted; and that of of[points], row by row (distances.c). False when memory is short. */
bool fb3_find_mean(fb3_comparison *comparison, size_t figure, flowbd3_context *context,
                   fb3_population population, const double *values, size_t n);
bool fb3_find_point_mean(fb3_comparison *comparison, size_t figure, flowbd3_context *context,
                         fb3_population population, const fb3_points *points, const double *of);

/* Alpha-precision, beta-recall, precision, recall, density and coverage (fidelity.c). Errors: CANCELLED,
 * MEMORY. */
flowbd3_status fb3_compare_fidelity(fb3_comparison *comparison, fb3_work *work, const fb3_features *features,
                                    const fb3_cloud *real, const fb3_cloud *other,
                                    const fb3_crossing *crossing, flowbd3_error *err);

/* Authenticity, distances to the closest training rows, copies (privacy.c). Errors: CANCELLED, MEMORY. */
flowbd3_status fb3_compare_privacy(fb3_comparison *comparison, fb3_work *work, const fb3_features *features,
                                   const fb3_cloud *training, const fb3_cloud *other,
                                   const fb3_crossing *crossing, bool reference, flowbd3_error *err);

/* Rows and rows held out, before a generator that has seen the ones and not the others (holdout.c). */
typedef struct fb3_exposure {
    const fb3_points *generated, *training, *holdout;
    const fb3_points *equal_training, *equal_holdout; /* as many rows of each */
    const fb3_neighbours *back;                       /* training to generated */
    fb3_population of_training, of_holdout;
} fb3_exposure;

/* Errors: CANCELLED, MEMORY. */
flowbd3_status fb3_compare_exposure(fb3_comparison *comparison, fb3_work *work, const fb3_exposure *exposure,
                                    flowbd3_error *err);

/* Values in ascending order; that of row rows[i] is there times[rows[i]] times, in all n, or once if times is
 * NULL. */
typedef struct fb3_sorted_rows {
    const double *values;
    const uint32_t *rows, *times;
    size_t n;
} fb3_sorted_rows;

/* max_t of the share of a up to t less that of b; 0 at least (holdout.c). */
double fb3_largest_lead(const fb3_sorted_rows *a, const fb3_sorted_rows *b);

#endif
