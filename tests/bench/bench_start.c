/* Starts fresh processes that create a context and load a small model through the shared library, and prints
 * medians in milliseconds, as JSON: of the two calls, and of the whole process from fork to its end, beside
 * one that ends at once, which is what the dynamic linker takes. The model is of the library's default sizes
 * and of 2000 flows of three real columns and five of whole numbers; most of the time goes into the text of
 * its tokenizer, which has every real number that these flows have.
 *
 *   bench-start [--processes N] [--json FILE]     default: 41 */
#include <flowbd3/flowbd3.h>

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROWS = 2000, COLUMNS = 8, REAL_COLUMNS = 3, MOST_PROCESSES = 1000 };

static double milliseconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

/* ---- a process --------------------------------------------------------------------------------- */

static int load(const char *path) {
    flowbd3_context *context = NULL;
    flowbd3_model *model = NULL;
    flowbd3_error err = {0};
    double began = milliseconds();
    flowbd3_status status = flowbd3_context_create(&context, NULL, &err);
    double created = milliseconds();
    if (status == FLOWBD3_OK)
        status = flowbd3_model_load(&model, context, path, &err);
    double loaded = milliseconds();
    flowbd3_model_destroy(&model);
    flowbd3_context_destroy(&context);
    if (status != FLOWBD3_OK) {
        (void)fprintf(stderr, "bench-start: %s\n", err.message);
        return 1;
    }
    printf("%.6f %.6f\n", created - began, loaded - created);
    return 0;
}

/* ---- the processes ----------------------------------------------------------------------------- */

typedef struct figures {
    double create[MOST_PROCESSES], load[MOST_PROCESSES], process[MOST_PROCESSES], empty[MOST_PROCESSES];
} figures;

/* Runs this program once more and reads what it prints; false when it fails. */
static bool run(const char *option, const char *path, double *wall, double *first, double *second) {
    int ends[2];
    double began = milliseconds();
    if (pipe(ends) != 0)
        return false;
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)execl("/proc/self/exe", "bench-start", option, path, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    FILE *out = fdopen(ends[0], "r");
    bool read = out != NULL && fscanf(out, "%lf %lf", first, second) == 2;
    int status = -1;
    (void)waitpid(child, &status, 0);
    *wall = milliseconds() - began;
    if (out != NULL)
        (void)fclose(out);
    return read && status == 0;
}

static flowbd3_status make_model(const char *path, flowbd3_error *err) {
    flowbd3_context *context = NULL;
    flowbd3_table *table = NULL;
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    static double values[ROWS];
    static int64_t integers[ROWS];
    flowbd3_status status = flowbd3_context_create(&context, NULL, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_create(&table, context, err);
    for (unsigned c = 0; c < COLUMNS && status == FLOWBD3_OK; c++) {
        char name[8];
        (void)snprintf(name, sizeof name, "x%u", c);
        for (unsigned r = 0; r < ROWS; r++) { /* no relation between columns */
            double u = fmod((r + 1.0) * sqrt(2.0 + c), 1.0);
            values[r] = rint(1e6 * u) / 1e6;
            integers[r] = (int64_t)(1000.0 * u * u);
        }
        status = c < REAL_COLUMNS ? flowbd3_table_add_real(table, name, values, NULL, ROWS, err)
                                  : flowbd3_table_add_integer(table, name, integers, NULL, ROWS, err);
    }
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_create(&tokenizer, table, NULL, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_model_create(&model, tokenizer, NULL, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_model_save(model, path, err);
    flowbd3_model_destroy(&model);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    return status;
}

static int compare(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *x, size_t n) {
    qsort(x, n, sizeof *x, compare);
    return 0.5 * (x[(n - 1) / 2] + x[n / 2]);
}

static int measure(const char *path, size_t processes, const char *json) {
    static figures f;
    double unused;
    for (size_t i = 0; i < processes; i++)
        if (!run("--load", path, &f.process[i], &f.create[i], &f.load[i]) ||
            !run("--nothing", path, &f.empty[i], &unused, &unused)) {
            (void)fprintf(stderr, "bench-start: a process failed\n");
            return 1;
        }
    FILE *out = json != NULL ? fopen(json, "w") : stdout;
    if (out == NULL) {
        (void)fprintf(stderr, "bench-start: cannot write '%s'\n", json);
        return 1;
    }
    (void)fprintf(out,
                  "{\"bench\": \"start\", \"processes\": %zu, \"create_ms\": %.3f, \"load_ms\": %.3f, "
                  "\"process_ms\": %.3f, \"empty_process_ms\": %.3f}\n",
                  processes, median(f.create, processes), median(f.load, processes),
                  median(f.process, processes), median(f.empty, processes));
    return (out == stdout ? fflush(out) : fclose(out)) == 0 ? 0 : 1;
}

static int usage(void) {
    (void)fprintf(stderr, "usage: bench-start [--processes N] [--json FILE]\n");
    return 2;
}

int main(int argc, char **argv) {
    size_t processes = 41;
    const char *json = NULL;
    if (argc == 3 && strcmp(argv[1], "--load") == 0)
        return load(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--nothing") == 0)
        return puts("0 0") < 0;
    for (int i = 1; i < argc; i += 2) {
        bool number = strcmp(argv[i], "--processes") == 0;
        if (i + 1 == argc || (!number && strcmp(argv[i], "--json") != 0))
            return usage();
        if (number)
            processes = (size_t)strtoull(argv[i + 1], NULL, 10);
        else
            json = argv[i + 1];
    }
    if (processes < 1 || processes > MOST_PROCESSES)
        return usage();
    const char *place = getenv("TMPDIR");
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/flowbd3-bench-XXXXXX", place != NULL ? place : "/tmp");
    int file = mkstemp(path);
    flowbd3_error err = {0};
    if (file < 0) {
        (void)fprintf(stderr, "bench-start: cannot make a file '%s'\n", path);
        return 1;
    }
    (void)close(file);
    int result = 1;
    if (make_model(path, &err) == FLOWBD3_OK)
        result = measure(path, processes, json);
    else
        (void)fprintf(stderr, "bench-start: %s\n", err.message);
    (void)unlink(path);
    return result;
}
