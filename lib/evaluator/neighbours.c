/* Distance from each generated row to its nearest real row, in the space of ranges. */
#include "evaluator/neighbours.h"

static flowbd3_status summarise(fb3_comparison *comparison, flowbd3_context *context,
                                const fb3_points *queries, const fb3_neighbours *nearest,
                                flowbd3_error *err) {
    static const size_t figures[] = {offsetof(fb3_summary, nearest_min), offsetof(fb3_summary, nearest_mean),
                                     offsetof(fb3_summary, nearest_std)};
    fb3_summary *summary = &comparison->summary;
    double *distances = fb3_allocate(context, queries->rows, sizeof *distances);
    if (distances == NULL)
        return fb3_no_memory(err, "distances to real rows");
    summary->nearest_min = INFINITY;
    for (size_t row = 0; row < queries->rows; row++) {
        distances[row] = sqrt(nearest->square[queries->point[row]]);
        summary->nearest_min = fmin(summary->nearest_min, distances[row]);
    }
    fb3_moments moments = fb3_moments_of(distances, queries->rows);
    summary->nearest_mean = moments.mean;
    summary->nearest_std = moments.deviation;
    bool whole = !comparison->keeps || fb3_keep_moments(&comparison->outcomes, context, figures,
                                                        FB3_POPULATION_GENERATED, distances, queries->rows);
    fb3_release(context, distances);
    return whole ? FLOWBD3_OK : fb3_no_memory(err, "outcomes of rows");
}

uint64_t fb3_neighbour_steps(size_t rows, uint64_t max_rows) {
    return fb3_search_steps(max_rows != 0 && max_rows < rows ? (size_t)max_rows : rows);
}

flowbd3_status fb3_compare_neighbours(fb3_comparison *comparison, fb3_work *work,
                                      const fb3_features *features, const fb3_sample *real,
                                      const fb3_sample *other, uint64_t max_rows, uint64_t seed,
                                      flowbd3_error *err) {
    flowbd3_context *context = work->context;
    fb3_points among = {0}, queries = {0};
    fb3_neighbours nearest = {0};
    flowbd3_status status = fb3_points_create(&among, context, FB3_SPACE_RANGE, features, real,
                                              fb3_part_of(real, max_rows, seed), err);
    if (status == FLOWBD3_OK)
        status = fb3_points_create(&queries, context, FB3_SPACE_RANGE, features, real,
                                   fb3_part_of(other, max_rows, seed), err);
    if (status == FLOWBD3_OK)
        status = fb3_nearest(&nearest, work, &queries, &among, 1, err);
    if (status == FLOWBD3_OK)
        status = summarise(comparison, context, &queries, &nearest, err);
    fb3_points_destroy(&among, context);
    fb3_points_destroy(&queries, context);
    fb3_neighbours_destroy(&nearest, context);
    return status;
}
