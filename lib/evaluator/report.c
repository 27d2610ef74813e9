/* Figures by name, and the report as JSON. */
#include "evaluator.h"

#include "base/json.h"
#include "table/table.h"

/* ---- what there is -------------------------------------------------------------------------------- */

typedef struct column_key {
    const char *name;
    size_t offset;
    bool numeric, categorical; /* types of column that have it */
    bool floored;              /* also given for the second real sample */
} column_key;

static const column_key column_keys[] = {
#define KEY(name, numeric, categorical, floored) \
    { #name, offsetof(fb3_column_figures, name), numeric, categorical, floored }
    KEY(ks, true, false, true),
    KEY(ks_p, true, false, true),
    KEY(emd, true, false, true),
    KEY(emd_scaled, true, false, true),
    KEY(mean_real, true, false, false),
    KEY(mean_generated, true, false, false),
    KEY(mean_difference, true, false, true),
    KEY(std_real, true, false, false),
    KEY(std_generated, true, false, false),
    KEY(std_difference, true, false, true),
    KEY(emd_rank, true, false, true),
    KEY(quantile_difference, true, false, true),
    KEY(support_coverage, true, false, true),
    KEY(tvd, false, true, true),
    KEY(category_coverage, false, true, true),
    KEY(js, true, true, true),
    KEY(missing_real, true, true, false),
    KEY(missing_generated, true, true, false),
    KEY(missing_difference, true, true, true),
    KEY(autocorrelation_diff, true, false, true),
    KEY(transition_tvd, false, true, true),
#undef KEY
};

typedef struct summary_key {
    const char *name;
    size_t offset;
    bool count; /* a whole number */
} summary_key;

static const summary_key summary_keys[] = {
#define KEY(name, count) \
    { #name, offsetof(fb3_summary, name), count }
    KEY(rows_real, true),
    KEY(rows_generated, true),
    KEY(ks_mean, false),
    KEY(ks_max, false),
    KEY(emd_mean, false),
    KEY(emd_scaled_mean, false),
    KEY(mean_difference_mean, false),
    KEY(std_difference_mean, false),
    KEY(emd_rank_mean, false),
    KEY(quantile_difference_mean, false),
    KEY(support_coverage_mean, false),
    KEY(tvd_mean, false),
    KEY(tvd_max, false),
    KEY(category_coverage_mean, false),
    KEY(js_mean, false),
    KEY(missing_difference_mean, false),
    KEY(corr_frobenius, false),
    KEY(corr_max, false),
    KEY(corr_mean, false),
    KEY(spearman_frobenius, false),
    KEY(spearman_max, false),
    KEY(spearman_mean, false),
    KEY(association_frobenius, false),
    KEY(association_max, false),
    KEY(association_mean, false),
    KEY(nmi_diff, false),
    KEY(nmi_diff_max, false),
    KEY(pair_tvd_mean, false),
    KEY(pair_tvd_max, false),
    KEY(c2st_auc, false),
    KEY(c2st_auc_logistic, false),
    KEY(tstr, false),
    KEY(trtr, false),
    KEY(nearest_min, false),
    KEY(nearest_mean, false),
    KEY(nearest_std, false),
    KEY(alpha_precision, false),
    KEY(beta_recall, false),
    KEY(precision, false),
    KEY(recall, false),
    KEY(density, false),
    KEY(coverage, false),
    KEY(authenticity, false),
    KEY(authenticity_reference, false),
    KEY(dcr_mean, false),
    KEY(dcr_p5, false),
    KEY(dcr_train_share, false),
    KEY(nndr_mean, false),
    KEY(nndr_p5, false),
    KEY(copies, false),
    KEY(mia_advantage, false),
    KEY(rule_violations, false),
    KEY(rule_violations_real, false),
    KEY(interarrival_ks, false),
    KEY(interarrival_emd_scaled, false),
    KEY(group_size_ks, false),
    KEY(group_duration_ks, false),
    KEY(burst_size_ks, false),
    KEY(autocorrelation_diff, false),
    KEY(transition_tvd_mean, false),
    KEY(transition_tvd_max, false),
#undef KEY
};

typedef struct curve_key {
    const char *name;
    size_t offset;
    bool floor;
} curve_key;

static const curve_key curve_keys[] = {
#define KEY(name)                                            \
    {#name, offsetof(fb3_comparison, name), false}, {        \
        "floor_" #name, offsetof(fb3_comparison, name), true \
    }
    KEY(alpha_precision),
    KEY(beta_recall),
#undef KEY
};

static bool applies(const column_key *key, const fb3_feature *feature) {
    return feature->numeric ? key->numeric : key->categorical;
}

/* ---- figures by name ------------------------------------------------------------------------------ */

/* name = group [. column] . prefix key; figures that are not finite are left out. */
static bool add_figure(fb3_figures *figures, flowbd3_context *context, const char *group, const char *column,
                       const char *prefix, const char *key, double value) {
    if (!isfinite(value))
        return true;
    if (figures->count == figures->capacity) {
        size_t capacity = figures->capacity == 0 ? 64 : 2 * figures->capacity;
        struct fb3_figure *list = fb3_reallocate(context, figures->list, capacity, sizeof *list);
        if (list == NULL)
            return false;
        figures->list = list;
        figures->capacity = capacity;
    }
    size_t size =
        strlen(group) + (column != NULL ? strlen(column) + 1 : 0) + strlen(prefix) + strlen(key) + 2;
    char *name = fb3_allocate(context, size, 1);
    if (name == NULL)
        return false;
    (void)snprintf(name, size, "%s%s%s.%s%s", group, column != NULL ? "." : "", column != NULL ? column : "",
                   prefix, key);
    figures->list[figures->count++] = (struct fb3_figure){name, value};
    return true;
}

static bool add_summary(fb3_figures *figures, flowbd3_context *context, const char *group,
                        const fb3_summary *summary) {
    for (size_t k = 0; k < FB3_COUNT(summary_keys); k++)
        if (!add_figure(figures, context, group, NULL, "", summary_keys[k].name,
                        fb3_figure_at(summary, summary_keys[k].offset)))
            return false;
    return true;
}

static bool add_column(fb3_figures *figures, flowbd3_context *context, const fb3_feature *feature,
                       const fb3_column_figures *column, const fb3_column_figures *floor) {
    for (size_t k = 0; k < FB3_COUNT(column_keys); k++) {
        const column_key *key = &column_keys[k];
        if (!applies(key, feature))
            continue;
        if (!add_figure(figures, context, "columns", feature->name, "", key->name,
                        fb3_figure_at(column, key->offset)))
            return false;
        if (floor != NULL && key->floored &&
            !add_figure(figures, context, "columns", feature->name, "floor_", key->name,
                        fb3_figure_at(floor, key->offset)))
            return false;
    }
    return true;
}

static int compare_figures(const void *a, const void *b, void *list) {
    const struct fb3_figure *figures = list;
    return strcmp(figures[*(const size_t *)a].name, figures[*(const size_t *)b].name);
}

static bool sort_figures(fb3_figures *figures, flowbd3_context *context) {
    figures->sorted = fb3_allocate(context, figures->count, sizeof *figures->sorted);
    if (figures->sorted == NULL)
        return false;
    for (size_t i = 0; i < figures->count; i++)
        figures->sorted[i] = i;
    qsort_r(figures->sorted, figures->count, sizeof *figures->sorted, compare_figures, figures->list);
    return true;
}

/* The share of the rows that a rule applies to; NaN when there are none. */
static double share_of(const fb3_rule_count *count) {
    return count->applies > 0 ? (double)count->violated / (double)count->applies : NAN;
}

static bool add_rule(fb3_figures *figures, flowbd3_context *context, const char *name, const char *prefix,
                     const fb3_rule_count *count) {
    return add_figure(figures, context, "rules", name, prefix, "applies", (double)count->applies) &&
           add_figure(figures, context, "rules", name, prefix, "violated", (double)count->violated) &&
           add_figure(figures, context, "rules", name, prefix, "share", share_of(count));
}

flowbd3_status fb3_figures_create(fb3_figures *figures, flowbd3_context *context, const fb3_results *results,
                                  flowbd3_error *err) {
    const fb3_comparison *comparison = results->comparison, *floor = results->floor;
    const fb3_features *features = results->features;
    *figures = (fb3_figures){0};
    bool whole = add_summary(figures, context, "summary", &comparison->summary) &&
                 (floor == NULL || add_summary(figures, context, "floor", &floor->summary)) &&
                 (!comparison->has_intervals || (add_summary(figures, context, "low", &comparison->low) &&
                                                 add_summary(figures, context, "high", &comparison->high)));
    for (size_t c = 0; whole && c < features->count; c++)
        whole = add_column(figures, context, &features->list[c], &comparison->columns[c],
                           floor != NULL ? &floor->columns[c] : NULL);
    for (size_t i = 0; whole && i < flowbd3_rules_count(results->rules); i++) {
        const char *name = flowbd3_rules_name(results->rules, i);
        whole = add_rule(figures, context, name, "", &results->generated->counts[i]) &&
                add_rule(figures, context, name, "real_", &results->real->counts[i]);
    }
    if (whole && sort_figures(figures, context))
        return FLOWBD3_OK;
    fb3_figures_destroy(figures, context);
    return fb3_no_memory(err, "the evaluator's figures");
}

void fb3_figures_destroy(fb3_figures *figures, flowbd3_context *context) {
    for (size_t i = 0; i < figures->count; i++)
        fb3_release(context, figures->list[i].name);
    fb3_release(context, figures->list);
    fb3_release(context, figures->sorted);
    *figures = (fb3_figures){0};
}

double fb3_figures_get(const fb3_figures *figures, const char *name) {
    size_t low = 0, high = figures->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct fb3_figure *figure = &figures->list[figures->sorted[middle]];
        int order = strcmp(name, figure->name);
        if (order == 0)
            return figure->value;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NAN;
}

/* The curve of a key, NULL where there is none. */
static const double *curve_of(const curve_key *key, const fb3_comparison *comparison,
                              const fb3_comparison *floor) {
    const fb3_comparison *from = key->floor ? floor : comparison;
    if (from == NULL || isnan(fb3_figure_at(from, key->offset)))
        return NULL;
    return (const double *)(const void *)((const char *)from + key->offset);
}

const double *fb3_curve_get(const fb3_comparison *comparison, const fb3_comparison *floor, const char *name) {
    for (size_t k = 0; k < FB3_COUNT(curve_keys); k++)
        if (strcmp(name, curve_keys[k].name) == 0)
            return curve_of(&curve_keys[k], comparison, floor);
    return NULL;
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

static json_t *number(double value, bool count) {
    return !isfinite(value) ? json_null() : count ? json_integer((json_int_t)value) : json_real(value);
}

static json_t *summary_object(const fb3_summary *summary) {
    json_t *object = json_object();
    for (size_t k = 0; object != NULL && k < FB3_COUNT(summary_keys); k++)
        if (json_object_set_new(
                object, summary_keys[k].name,
                number(fb3_figure_at(summary, summary_keys[k].offset), summary_keys[k].count)) != 0) {
            json_decref(object);
            return NULL;
        }
    return object;
}

static json_t *column_object(const fb3_feature *feature, const fb3_column_figures *column,
                             const fb3_column_figures *floor) {
    json_t *object = json_object();
    int failed =
        object == NULL || json_object_set_new(object, "type", json_string(fb3_type_name(feature->type)));
    for (size_t k = 0; !failed && k < FB3_COUNT(column_keys); k++) {
        const column_key *key = &column_keys[k];
        char floor_name[64];
        if (!applies(key, feature))
            continue;
        failed = json_object_set_new(object, key->name, number(fb3_figure_at(column, key->offset), false));
        if (failed || floor == NULL || !key->floored)
            continue;
        (void)snprintf(floor_name, sizeof floor_name, "floor_%s", key->name);
        failed = json_object_set_new(object, floor_name, number(fb3_figure_at(floor, key->offset), false));
    }
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* A name that is no UTF-8 cannot be a key: its bytes beyond ASCII become '?', and its number makes it one of
 * a kind. Takes over value. */
static int set_column(json_t *object, flowbd3_context *context, const char *name, size_t number_of_column,
                      json_t *value) {
    json_t *text = json_string(name);
    if (text != NULL) {
        json_decref(text);
        return json_object_set_new(object, name, value);
    }
    size_t size = strlen(name) + 32;
    char *key = fb3_allocate(context, size, 1);
    int failed = -1;
    if (key != NULL) {
        (void)snprintf(key, size, "%s #%zu", name, number_of_column);
        for (char *c = key; *c != '\0'; c++)
            if ((unsigned char)*c >= 0x80)
                *c = '?';
        failed = json_object_set(object, key, value);
    }
    json_decref(value);
    fb3_release(context, key);
    return failed;
}

static json_t *count_object(const fb3_rule_count *count) {
    json_t *rows = json_array();
    int failed = rows == NULL;
    for (size_t i = 0; !failed && i < count->n_rows; i++)
        failed = json_array_append_new(rows, json_integer((json_int_t)count->rows[i]));
    json_t *object = json_object();
    failed = failed || object == NULL ||
             json_object_set_new(object, "applies", json_integer((json_int_t)count->applies)) ||
             json_object_set_new(object, "violated", json_integer((json_int_t)count->violated)) ||
             json_object_set_new(object, "share", number(share_of(count), false)) ||
             json_object_set(object, "rows", rows);
    json_decref(rows);
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *rules_object(const fb3_results *results) {
    json_t *object = json_object();
    int failed = object == NULL;
    for (size_t i = 0; !failed && i < flowbd3_rules_count(results->rules); i++) {
        json_t *rule = json_pack("{s:s}", "text", flowbd3_rules_text(results->rules, i));
        failed = rule == NULL ||
                 json_object_set_new(rule, "generated", count_object(&results->generated->counts[i])) ||
                 json_object_set_new(rule, "real", count_object(&results->real->counts[i])) ||
                 json_object_set(object, flowbd3_rules_name(results->rules, i), rule);
        json_decref(rule);
    }
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *curve_array(const double *curve) {
    json_t *array = json_array();
    for (size_t k = 0; array != NULL && k < FB3_CURVE; k++)
        if (json_array_append_new(array, json_real(curve[k])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

/* The curves that there are, by name. */
static json_t *curves_object(const fb3_results *results) {
    json_t *object = json_object();
    for (size_t k = 0; object != NULL && k < FB3_COUNT(curve_keys); k++) {
        const double *curve = curve_of(&curve_keys[k], results->comparison, results->floor);
        if (curve != NULL && json_object_set_new(object, curve_keys[k].name, curve_array(curve)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* Where none was needed XGBoost is not loaded for its name. */
static json_t *classifier_of(const fb3_summary *summary) {
    bool ran = isfinite(summary->c2st_auc) || isfinite(summary->tstr);
    return ran ? json_string(fb3_classifier_name()) : json_null();
}

static json_t *report_object(flowbd3_context *context, const fb3_results *results) {
    const fb3_comparison *comparison = results->comparison, *floor = results->floor;
    const fb3_features *features = results->features;
    json_t *report = json_object(), *columns = json_object();
    int failed =
        report == NULL || columns == NULL ||
        json_object_set_new(report, "summary", summary_object(&comparison->summary)) ||
        json_object_set_new(report, "floor", floor != NULL ? summary_object(&floor->summary) : json_null());
    for (size_t c = 0; !failed && c < features->count; c++) {
        json_t *column = column_object(&features->list[c], &comparison->columns[c],
                                       floor != NULL ? &floor->columns[c] : NULL);
        failed = column == NULL || set_column(columns, context, features->list[c].name, c + 1, column);
    }
    if (!failed && comparison->has_intervals)
        failed = json_object_set_new(report, "low", summary_object(&comparison->low)) ||
                 json_object_set_new(report, "high", summary_object(&comparison->high));
    failed = failed || json_object_set(report, "columns", columns) ||
             json_object_set_new(report, "pairs", fb3_report_pairs(context, results)) ||
             json_object_set_new(report, "curves", curves_object(results)) ||
             json_object_set_new(report, "classifier", classifier_of(&comparison->summary));
    if (!failed && results->rules != NULL)
        failed = json_object_set_new(report, "rules", rules_object(results));
    if (failed) {
        json_decref(report);
        report = NULL;
    }
    json_decref(columns);
    return report;
}

flowbd3_status fb3_report_json(char **json, flowbd3_context *context, const fb3_results *results,
                               flowbd3_error *err) {
    json_t *report = report_object(context, results);
    *json = fb3_json_print(context, report, JSON_INDENT(2));
    json_decref(report);
    return *json != NULL ? FLOWBD3_OK : fb3_no_memory(err, "the report");
}
