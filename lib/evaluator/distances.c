/* Which samples are held against each other for the figures made from distances. */
#include "evaluator/distances.h"

/* ---- clouds ------------------------------------------------------------------------------------- */

static void destroy_cloud(fb3_cloud *cloud, flowbd3_context *context) {
    fb3_points_destroy(&cloud->points, context);
    fb3_neighbours_destroy(&cloud->own, context);
    *cloud = (fb3_cloud){0};
}

static flowbd3_status create_cloud(fb3_cloud *cloud, fb3_work *work, const fb3_features *features,
                                   const fb3_sample *real, fb3_part part, fb3_population of, bool own,
                                   flowbd3_error *err) {
    *cloud = (fb3_cloud){.part = part, .of = of};
    flowbd3_status status =
        fb3_points_create(&cloud->points, work->context, FB3_SPACE_RANK, features, real, part, err);
    if (status == FLOWBD3_OK && own)
        status = fb3_nearest(&cloud->own, work, &cloud->points, &cloud->points, FB3_BALL_NEIGHBOURS, err);
    if (status != FLOWBD3_OK)
        destroy_cloud(cloud, work->context);
    return status;
}

flowbd3_status fb3_clouds_create(fb3_clouds *clouds, fb3_work *work, const fb3_features *features,
                                 const fb3_sample *real, const fb3_sample *second, const fb3_sample *training,
                                 const flowbd3_evaluator_options *options, flowbd3_error *err) {
    if (clouds->ready)
        return FLOWBD3_OK;
    uint64_t max_rows = options->max_rows, seed = options->seed;
    *clouds = (fb3_clouds){.has_second = second != NULL,
                           .has_training = training != NULL,
                           .features = features,
                           .max_rows = max_rows,
                           .reference = options->reference_authenticity != 0};
    flowbd3_status status = create_cloud(&clouds->real, work, features, real,
                                         fb3_part_of(real, max_rows, seed), FB3_POPULATION_REAL, true, err);
    if (status == FLOWBD3_OK && second != NULL)
        status = create_cloud(&clouds->second, work, features, real, fb3_part_of(second, max_rows, seed),
                              FB3_POPULATION_APART, true, err);
    if (status == FLOWBD3_OK && training != NULL)
        status = create_cloud(&clouds->training, work, features, real, fb3_part_of(training, max_rows, seed),
                              FB3_POPULATION_APART, clouds->reference, err);
    clouds->ready = status == FLOWBD3_OK;
    if (status != FLOWBD3_OK)
        fb3_clouds_destroy(clouds, work->context);
    return status;
}

void fb3_clouds_destroy(fb3_clouds *clouds, flowbd3_context *context) {
    destroy_cloud(&clouds->real, context);
    destroy_cloud(&clouds->second, context);
    destroy_cloud(&clouds->training, context);
    clouds->ready = false;
}

void fb3_radii(double *to, const fb3_cloud *cloud, size_t k) {
    size_t others = cloud->points.rows - 1, use = k < others ? k : others;
    for (size_t i = 0; i < cloud->points.count; i++)
        to[i] = use > 0 ? cloud->own.square[i * cloud->own.k + use - 1] : -1.0;
}

void fb3_row_values(double *to, const fb3_points *points, const double *of, size_t width) {
    for (size_t row = 0; row < points->rows; row++)
        to[row] = of[points->point[row] * width];
}

bool fb3_find_mean(fb3_comparison *comparison, size_t figure, flowbd3_context *context,
                   fb3_population population, const double *values, size_t n) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    fb3_figure_put(&comparison->summary, figure, sum / (double)n);
    return !comparison->keeps || fb3_keep_mean(&comparison->outcomes, context, figure, population, values, n);
}

bool fb3_find_point_mean(fb3_comparison *comparison, size_t figure, flowbd3_context *context,
                         fb3_population population, const fb3_points *points, const double *of) {
    double *values = fb3_allocate(context, points->rows, sizeof *values);
    bool whole = values != NULL;
    if (whole) {
        fb3_row_values(values, points, of, 1);
        whole = fb3_find_mean(comparison, figure, context, population, values, points->rows);
    }
    fb3_release(context, values);
    return whole;
}

/* ---- crossings ---------------------------------------------------------------------------------- */

static void destroy_crossing(fb3_crossing *crossing, flowbd3_context *context) {
    fb3_neighbours_destroy(&crossing->there, context);
    fb3_neighbours_destroy(&crossing->back, context);
}

static flowbd3_status create_crossing(fb3_crossing *crossing, fb3_work *work, const fb3_cloud *from,
                                      const fb3_cloud *to, flowbd3_error *err) {
    flowbd3_status status = fb3_nearest(&crossing->there, work, &from->points, &to->points, 2, err);
    if (status == FLOWBD3_OK)
        status = fb3_nearest(&crossing->back, work, &to->points, &from->points, 1, err);
    return status;
}

/* ---- rows held out ------------------------------------------------------------------------------ */

/* The rows held out are real ones that the generator has not seen: the second real sample, or the real one
 * where the training rows are apart. */
static const fb3_cloud *training_of(const fb3_clouds *clouds) {
    return clouds->has_training ? &clouds->training : &clouds->real;
}

static const fb3_cloud *holdout_of(const fb3_clouds *clouds) {
    return clouds->has_training ? &clouds->real : clouds->has_second ? &clouds->second : NULL;
}

static flowbd3_status place_part(fb3_points *points, flowbd3_context *context, const fb3_clouds *clouds,
                                 fb3_part part, size_t rows, flowbd3_error *err) {
    part.end = part.begin + rows;
    return fb3_points_create(points, context, FB3_SPACE_RANK, clouds->features, clouds->real.part.sample,
                             part, err);
}

/* Cuts the larger of training and held-out rows to the size of the other. */
static flowbd3_status expose(fb3_comparison *comparison, fb3_work *work, const fb3_clouds *clouds,
                             const fb3_points *generated, const fb3_points *holdout, fb3_part holdout_part,
                             const fb3_neighbours *back, flowbd3_error *err) {
    const fb3_cloud *training = training_of(clouds);
    fb3_points cut = {0};
    fb3_exposure e = {generated,    &training->points,     holdout, &training->points, holdout, back,
                      training->of, holdout_of(clouds)->of};
    flowbd3_status status = FLOWBD3_OK;
    if (training->points.rows > holdout->rows) {
        status = place_part(&cut, work->context, clouds, training->part, holdout->rows, err);
        e.equal_training = &cut;
    } else if (training->points.rows < holdout->rows) {
        status = place_part(&cut, work->context, clouds, holdout_part, training->points.rows, err);
        e.equal_holdout = &cut;
    }
    if (status == FLOWBD3_OK)
        status = fb3_compare_exposure(comparison, work, &e, err);
    fb3_points_destroy(&cut, work->context);
    return status;
}

/* The floor: one half of the held-out rows in place of generated ones, the other half held out. */
static flowbd3_status expose_halves(fb3_comparison *comparison, fb3_work *work, const fb3_clouds *clouds,
                                    flowbd3_error *err) {
    const fb3_cloud *holdout = holdout_of(clouds);
    fb3_part half = holdout->part, rest = holdout->part;
    half.end = rest.begin = holdout->points.rows / 2;
    fb3_points generated = {0}, kept = {0};
    flowbd3_status status = place_part(&generated, work->context, clouds, half, half.end, err);
    if (status == FLOWBD3_OK)
        status = place_part(&kept, work->context, clouds, rest, rest.end - rest.begin, err);
    if (status == FLOWBD3_OK)
        status = expose(comparison, work, clouds, &generated, &kept, rest, NULL, err);
    fb3_points_destroy(&generated, work->context);
    fb3_points_destroy(&kept, work->context);
    return status;
}

/* ---- comparisons -------------------------------------------------------------------------------- */

static flowbd3_status compare_privacy(fb3_comparison *comparison, fb3_work *work, const fb3_clouds *clouds,
                                      const fb3_cloud *other, bool floor, const fb3_crossing *crossing,
                                      flowbd3_error *err) {
    const fb3_cloud *training = training_of(clouds), *holdout = holdout_of(clouds);
    const fb3_cloud *rows = floor ? holdout : other;
    fb3_crossing own = {0};
    flowbd3_status status = FLOWBD3_OK;
    if (clouds->has_training) {
        status = create_crossing(&own, work, rows, training, err);
        crossing = &own;
    }
    if (status == FLOWBD3_OK)
        status = fb3_compare_privacy(comparison, work, clouds->features, training, rows, crossing,
                                     clouds->reference, err);
    if (status == FLOWBD3_OK && floor && holdout->points.rows > 1)
        status = expose_halves(comparison, work, clouds, err);
    else if (status == FLOWBD3_OK && !floor && holdout != NULL)
        status = expose(comparison, work, clouds, &other->points, &holdout->points, holdout->part,
                        &crossing->back, err);
    destroy_crossing(&own, work->context);
    return status;
}

flowbd3_status fb3_compare_distances(fb3_comparison *comparison, fb3_work *work, const fb3_clouds *clouds,
                                     const fb3_sample *other, flowbd3_error *err) {
    bool floor = other == NULL;
    fb3_cloud generated = {0};
    const fb3_cloud *cloud = floor ? &clouds->second : &generated;
    fb3_crossing crossing = {0};
    flowbd3_status status = FLOWBD3_OK;
    if (!floor)
        status = create_cloud(&generated, work, clouds->features, clouds->real.part.sample,
                              fb3_part_of(other, clouds->max_rows, clouds->real.part.seed),
                              FB3_POPULATION_GENERATED, true, err);
    if (status == FLOWBD3_OK)
        status = create_crossing(&crossing, work, cloud, &clouds->real, err);
    if (status == FLOWBD3_OK)
        status =
            fb3_compare_fidelity(comparison, work, clouds->features, &clouds->real, cloud, &crossing, err);
    if (status == FLOWBD3_OK)
        status = compare_privacy(comparison, work, clouds, cloud, floor, &crossing, err);
    destroy_crossing(&crossing, work->context);
    destroy_cloud(&generated, work->context);
    return status;
}

/* ---- steps -------------------------------------------------------------------------------------- */

static size_t used(size_t rows, uint64_t max_rows) {
    return max_rows != 0 && max_rows < rows ? (size_t)max_rows : rows;
}

uint64_t fb3_clouds_steps(const fb3_sizes *sizes, bool reference, uint64_t max_rows) {
    return fb3_search_steps(used(sizes->real, max_rows)) + fb3_search_steps(used(sizes->second, max_rows)) +
           (reference ? fb3_search_steps(used(sizes->training, max_rows)) : 0);
}

static uint64_t steps_of_exposure(size_t training, size_t holdout, size_t other, bool floor) {
    size_t half = holdout / 2;
    if (holdout == 0 || (floor && half == 0))
        return 0;
    return floor ? 2 * fb3_search_steps(half) + fb3_search_steps(training) + fb3_search_steps(holdout - half)
                 : 2 * fb3_search_steps(other) + fb3_search_steps(holdout);
}

uint64_t fb3_distance_steps(const fb3_sizes *sizes, bool reference, uint64_t max_rows) {
    size_t real = used(sizes->real, max_rows), second = used(sizes->second, max_rows);
    size_t training = used(sizes->training, max_rows), n = used(sizes->other, max_rows);
    bool floor = sizes->floor;
    size_t holdout = training > 0 ? real : second;
    uint64_t steps = (floor ? 2 : 3) * fb3_search_steps(n) + 3 * fb3_search_steps(real);
    size_t private = floor ? holdout : n;
    if (training > 0)
        steps += fb3_search_steps(private) + fb3_search_steps(training) +
                 (reference ? 0 : fb3_own_steps(training, private));
    return steps + steps_of_exposure(training > 0 ? training : real, holdout, n, floor);
}
