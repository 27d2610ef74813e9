/* Gradient-boosted trees: the one place that knows XGBoost. It is loaded when it is first asked for: the
 * library does not depend on it, nor on the C++ runtime that comes with it and takes longer to load than all
 * the rest.
 *
 * A fit runs on one thread, whatever there are: sums over the rows of a node do not depend on how many share
 * them then, and fits run side by side on the context's threads. */
#include "classifier.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <xgboost/c_api.h>

typedef struct setting {
    const char *name, *value;
} setting;

/* As scikit-learn's HistGradientBoostingClassifier by default: 100 trees of 31 leaves, a rate of 0.1, 20 rows
 * a leaf, which have a curvature of 1/4 each where nothing is known yet. */
static const setting pair_settings[] = {
    {"objective", "binary:logistic"}, {"eta", "0.1"},  {"max_leaves", "31"},
    {"min_child_weight", "5"},        {"lambda", "1"}, {NULL, NULL}};

/* Strong shrinkage: with less, rare classes make the trees of all of them diverge. */
static const setting class_settings[] = {
    {"objective", "multi:softprob"}, {"eta", "0.05"}, {"max_leaves", "15"},
    {"min_child_weight", "1"},       {"lambda", "5"}, {NULL, NULL}};

static const setting number_settings[] = {
    {"objective", "reg:squarederror"}, {"eta", "0.1"},  {"max_leaves", "31"},
    {"min_child_weight", "20"},        {"lambda", "1"}, {NULL, NULL}};

static const setting shared_settings[] = {
    {"nthread", "1"},   {"verbosity", "0"},           {"tree_method", "hist"}, {"max_bin", "256"},
    {"max_depth", "0"}, {"grow_policy", "lossguide"}, {"base_score", "0.5"},   {NULL, NULL}};

static const int rounds_of[] = {
    [FB3_OBJECTIVE_PAIR] = 100, [FB3_OBJECTIVE_CLASSES] = 60, [FB3_OBJECTIVE_NUMBER] = 100};

static const setting *const settings_of[] = {[FB3_OBJECTIVE_PAIR] = pair_settings,
                                             [FB3_OBJECTIVE_CLASSES] = class_settings,
                                             [FB3_OBJECTIVE_NUMBER] = number_settings};

/* ---- XGBoost's functions ---------------------------------------------------------------------------- */

#define CALLS(CALL)                   \
    CALL(XGBoostVersion)              \
    CALL(XGBGetLastError)             \
    CALL(XGBGetGlobalConfig)          \
    CALL(XGBSetGlobalConfig)          \
    CALL(XGDMatrixCreateFromMat_omp)  \
    CALL(XGDMatrixSetFloatInfo)       \
    CALL(XGDMatrixFree)               \
    CALL(XGBoosterCreate)             \
    CALL(XGBoosterSetParam)           \
    CALL(XGBoosterUpdateOneIter)      \
    CALL(XGBoosterPredictFromDMatrix) \
    CALL(XGBoosterFree)

static struct {
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration */
#define CALL(function) __typeof__(&function) function;
    CALLS(CALL)
#undef CALL
} call;
static char name[64]; /* empty: XGBoost is not there */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* False where there is no such function. ISO C has no conversion from an object's pointer to a function's. */
static bool find(void *library, const char *function, void *pointer) {
    void *found = dlsym(library, function);
    memcpy(pointer, &found, sizeof found);
    return found != NULL;
}

static void load(void) {
    static const char *const files[] = {"libxgboost.so.0", "libxgboost.so"};
    void *library = NULL;
    for (size_t i = 0; library == NULL && i < FB3_COUNT(files); i++)
        library = dlopen(files[i], RTLD_NOW | RTLD_LOCAL);
    bool whole = library != NULL;
#define CALL(function) whole = whole && find(library, #function, &call.function);
    CALLS(CALL)
#undef CALL
    int major, minor, patch;
    if (!whole)
        return;
    call.XGBoostVersion(&major, &minor, &patch);
    (void)snprintf(name, sizeof name, "XGBoost %d.%d.%d", major, minor, patch);
}

const char *fb3_boosted_name(void) {
    pthread_once(&once, load);
    return name[0] != '\0' ? name : NULL;
}

/* ---- a fit ------------------------------------------------------------------------------------------ */

typedef struct fit {
    DMatrixHandle train, test;
    BoosterHandle booster;
    char *before; /* XGBoost's own settings of the calling thread, as they were */
} fit;

/* XGBoost's calls return 0, or -1 and leave a message. */
static flowbd3_status expect_done(int result, flowbd3_error *err) {
    return result == 0 ? FLOWBD3_OK
                       : fb3_fail(err, FLOWBD3_ERROR_NUMERIC, "XGBoost failed: %s", call.XGBGetLastError());
}

/* Ranks, which single floats hold where cells may be too large: to trees they are the same. */
static flowbd3_status create_matrix(DMatrixHandle *matrix, flowbd3_context *context, const fb3_pooled *pooled,
                                    size_t skip, const uint32_t *rows, size_t n, flowbd3_error *err) {
    size_t width = pooled->features->count - (skip < pooled->features->count), k = 0;
    float *cells = n <= SIZE_MAX / width ? fb3_allocate(context, n * width, sizeof *cells) : NULL;
    if (cells == NULL)
        return fb3_no_memory(err, "rows for XGBoost");
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < pooled->features->count; c++)
            if (c != skip)
                cells[k++] = (float)pooled->ranks[c * pooled->rows + rows[i]];
    int result = call.XGDMatrixCreateFromMat_omp(cells, n, width, NAN, matrix, 1);
    fb3_release(context, cells);
    return expect_done(result, err);
}

static flowbd3_status set_labels(DMatrixHandle matrix, flowbd3_context *context, const double *y, size_t n,
                                 flowbd3_error *err) {
    float *labels = fb3_allocate(context, n, sizeof *labels);
    if (labels == NULL)
        return fb3_no_memory(err, "labels for XGBoost");
    for (size_t i = 0; i < n; i++)
        labels[i] = (float)y[i];
    int result = call.XGDMatrixSetFloatInfo(matrix, "label", labels, n);
    fb3_release(context, labels);
    return expect_done(result, err);
}

static int set_all(BoosterHandle booster, const setting *settings) {
    int result = 0;
    for (; result == 0 && settings->name != NULL; settings++)
        result = call.XGBoosterSetParam(booster, settings->name, settings->value);
    return result;
}

static flowbd3_status learn(fit *of, fb3_objective objective, size_t classes, uint64_t seed,
                            flowbd3_error *err) {
    char classes_text[24], seed_text[24];
    (void)snprintf(classes_text, sizeof classes_text, "%zu", classes);
    /* XGBoost's seed is a 31-bit number; nothing is drawn with these settings. */
    (void)snprintf(seed_text, sizeof seed_text, "%" PRIu64, seed & INT32_MAX);
    const setting own[] = {{"seed", seed_text},
                           {objective == FB3_OBJECTIVE_CLASSES ? "num_class" : NULL, classes_text},
                           {NULL, NULL}};
    int result = call.XGBoosterCreate(&of->train, 1, &of->booster);
    if (result == 0)
        result = set_all(of->booster, shared_settings);
    if (result == 0)
        result = set_all(of->booster, settings_of[objective]);
    if (result == 0)
        result = set_all(of->booster, own);
    for (int round = 0; result == 0 && round < rounds_of[objective]; round++)
        result = call.XGBoosterUpdateOneIter(of->booster, round, of->train);
    return expect_done(result, err);
}

static flowbd3_status predict(double *scores, const fit *of, size_t n, flowbd3_error *err) {
    /* type 1: sums over the trees. Probabilities in single floats would make ties of high scores. */
    static const char settings[] = "{\"type\": 1, \"training\": false, \"iteration_begin\": 0, "
                                   "\"iteration_end\": 0, \"strict_shape\": false}";
    const bst_ulong *shape;
    bst_ulong dimensions;
    const float *values;
    flowbd3_status status = expect_done(
        call.XGBoosterPredictFromDMatrix(of->booster, of->test, settings, &shape, &dimensions, &values), err);
    for (size_t i = 0; status == FLOWBD3_OK && i < n; i++)
        scores[i] = (double)values[i];
    return status;
}

/* A booster's verbosity becomes that of its thread, which may be the host's. */
static flowbd3_status silence(fit *of, flowbd3_context *context, flowbd3_error *err) {
    const char *settings;
    flowbd3_status status = expect_done(call.XGBGetGlobalConfig(&settings), err);
    if (status != FLOWBD3_OK)
        return status;
    of->before = fb3_duplicate(context, settings);
    if (of->before == NULL)
        return fb3_no_memory(err, "settings of XGBoost");
    return expect_done(call.XGBSetGlobalConfig("{\"verbosity\": 0}"), err);
}

static void end(fit *of, flowbd3_context *context) {
    if (of->booster != NULL)
        call.XGBoosterFree(of->booster);
    if (of->train != NULL)
        call.XGDMatrixFree(of->train);
    if (of->test != NULL)
        call.XGDMatrixFree(of->test);
    if (of->before != NULL)
        call.XGBSetGlobalConfig(of->before);
    fb3_release(context, of->before);
}

flowbd3_status fb3_boosted_scores(double *scores, flowbd3_context *context, const fb3_pooled *pooled,
                                  size_t skip, const fb3_split *split, const double *y,
                                  fb3_objective objective, size_t classes, uint64_t seed,
                                  flowbd3_error *err) {
    const uint32_t *train = split->rows, *test = split->rows + split->n_train;
    fit of = {.booster = NULL};
    flowbd3_status status = silence(&of, context, err);
    if (status == FLOWBD3_OK)
        status = create_matrix(&of.train, context, pooled, skip, train, split->n_train, err);
    if (status == FLOWBD3_OK)
        status = create_matrix(&of.test, context, pooled, skip, test, split->n_test, err);
    if (status == FLOWBD3_OK)
        status = set_labels(of.train, context, y, split->n_train, err);
    if (status == FLOWBD3_OK)
        status = learn(&of, objective, classes, seed, err);
    if (status == FLOWBD3_OK)
        status = predict(scores, &of, split->n_test * classes, err);
    end(&of, context);
    return status;
}
