/* Loads and saves a CSV file of flows and prints what it took, as JSON, beside what bounds it: libcsv alone
 * over the same file, the same bytes written without formatting, and the bytes of the columns themselves.
 *
 *   bench-csv [--rows N] [--json FILE]     default: 1,000,000 rows, JSON on stdout */
#include "base/base.h"

#include <flowbd3/table.h>

#include <csv.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { COLUMNS = 8, RUNS = 3 };

typedef struct figures {
    size_t rows;
    double megabytes, column_megabytes, peak_load, peak_save;
    double load_seconds, save_seconds, libcsv_seconds, copy_seconds; /* the best of RUNS */
} figures;

static double peak_rss_megabytes(void) {
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss * 1024.0 / 1e6;
}

/* Eight columns: two categorical, two real, four integer with some cells missing. */
static bool make_file(const char *path, size_t rows) {
    static const char *const protocols[] = {"tcp", "udp", "icmp"}, *const states[] = {"CON", "FIN", "S_RA",
                                                                                      "INT"};
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    (void)fputs("duration,protocol,source_port,destination_port,state,packets,bytes,rate\n", file);
    for (size_t i = 0; i < rows; i++) {
        uint32_t r[4];
        fb3_random(r, 1, FB3_RANDOM_SUBSAMPLE, i, 0);
        double duration = -10.0 * log(fb3_uniform32(r[0]));
        unsigned packets = 1 + (unsigned)(5.0 * duration * fb3_uniform32(r[1]));
        unsigned bytes = packets * (64 + r[2] % 1436);
        (void)fprintf(file, "%.6f,%s,", duration, protocols[r[3] % 3]);
        if (r[3] % 50 != 0)
            (void)fprintf(file, "%u", 1024 + r[0] % 64512);
        (void)fprintf(file, ",%u,%s,%u,%u,%.3f\n", r[1] % 1024, states[r[3] / 3 % 4], packets, bytes,
                      (double)bytes / fmax(duration, 0.001));
    }
    return fclose(file) == 0;
}

static void ignore_cell(void *text, size_t size, void *user) {
    (void)text;
    *(size_t *)user += size;
}

static void ignore_record(int c, void *user) {
    (void)c;
    (void)user;
}

/* Seconds that libcsv takes for the file in memory when nobody looks at the cells. */
static double time_libcsv(const char *text, size_t size) {
    struct csv_parser parser;
    size_t bytes = 0;
    if (csv_init(&parser, CSV_STRICT | CSV_REPALL_NL) != 0)
        return (double)NAN;
    double began = fb3_seconds();
    (void)csv_parse(&parser, text, size, ignore_cell, ignore_record, &bytes);
    (void)csv_fini(&parser, ignore_cell, ignore_record, &bytes);
    double took = fb3_seconds() - began;
    csv_free(&parser);
    return took;
}

static double time_copy(flowbd3_context *context, const char *path, const char *text, size_t size) {
    fb3_file *file;
    double began = fb3_seconds();
    if (fb3_file_create(&file, context, path, NULL) != FLOWBD3_OK)
        return (double)NAN;
    if (fb3_file_write(file, text, size, NULL) != FLOWBD3_OK || fb3_file_commit(&file, NULL) != FLOWBD3_OK) {
        fb3_file_discard(&file);
        return (double)NAN;
    }
    return fb3_seconds() - began;
}

static double best(double old, double seconds, int run) {
    return run == 0 || !(old <= seconds) ? seconds : old;
}

static double column_megabytes(const flowbd3_table *t) {
    double bytes = 0.0;
    for (size_t i = 0; i < flowbd3_table_columns(t); i++)
        bytes +=
            (double)flowbd3_table_rows(t) * ((flowbd3_table_type(t, i) == FLOWBD3_TYPE_CATEGORICAL ? 4 : 8) +
                                             (flowbd3_table_valid(t, i) != NULL ? 1 : 0));
    return bytes / 1e6;
}

static flowbd3_status load_and_save(flowbd3_context *context, const char *path, const char *copy, figures *f,
                                    flowbd3_error *err) {
    flowbd3_status status = FLOWBD3_OK;
    for (int run = 0; run < RUNS && status == FLOWBD3_OK; run++) {
        flowbd3_table *t;
        double began = fb3_seconds();
        status = flowbd3_table_read_csv(&t, context, path, NULL, err);
        f->load_seconds = best(f->load_seconds, fb3_seconds() - began, run);
        if (status != FLOWBD3_OK)
            break;
        f->peak_load = run == 0 ? peak_rss_megabytes() : f->peak_load;
        f->column_megabytes = column_megabytes(t);
        began = fb3_seconds();
        status = flowbd3_table_write_csv(t, copy, NULL, err);
        f->save_seconds = best(f->save_seconds, fb3_seconds() - began, run);
        f->peak_save = run == 0 ? peak_rss_megabytes() : f->peak_save;
        flowbd3_table_destroy(&t);
    }
    return status;
}

static flowbd3_status measure_bounds(flowbd3_context *context, const char *path, const char *copy, figures *f,
                                     flowbd3_error *err) {
    char *text;
    size_t size;
    flowbd3_status status = fb3_file_read(&text, &size, context, path, err);
    if (status != FLOWBD3_OK)
        return status;
    f->megabytes = (double)size / 1e6;
    for (int run = 0; run < RUNS; run++) {
        f->libcsv_seconds = best(f->libcsv_seconds, time_libcsv(text, size), run);
        f->copy_seconds = best(f->copy_seconds, time_copy(context, copy, text, size), run);
    }
    fb3_release(context, text);
    return status;
}

static void print(FILE *out, const figures *f) {
    (void)fprintf(out,
                  "{\"rows\": %zu, \"columns\": %d, \"megabytes\": %.1f, \"column_megabytes\": %.1f,\n"
                  " \"load_mb_per_s\": %.0f, \"load_rows_per_s\": %.0f, \"libcsv_mb_per_s\": %.0f,\n"
                  " \"save_mb_per_s\": %.0f, \"save_rows_per_s\": %.0f, \"copy_mb_per_s\": %.0f,\n"
                  " \"peak_rss_mb_load\": %.1f, \"peak_rss_mb_save\": %.1f}\n",
                  f->rows, COLUMNS, f->megabytes, f->column_megabytes, f->megabytes / f->load_seconds,
                  (double)f->rows / f->load_seconds, f->megabytes / f->libcsv_seconds,
                  f->megabytes / f->save_seconds, (double)f->rows / f->save_seconds,
                  f->megabytes / f->copy_seconds, f->peak_load, f->peak_save);
}

static int run(const char *directory, size_t rows, const char *json) {
    char path[PATH_MAX + 16], copy[PATH_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/flows.csv", directory);
    (void)snprintf(copy, sizeof copy, "%s/copy.csv", directory);
    figures f = {.rows = rows};
    flowbd3_error err = {0};
    flowbd3_context *context = NULL;
    flowbd3_status status = flowbd3_context_create(&context, NULL, &err);
    if (status == FLOWBD3_OK && !make_file(path, rows))
        status = fb3_io_failure(&err, "write", path, errno);
    if (status == FLOWBD3_OK)
        status = load_and_save(context, path, copy, &f, &err);
    if (status == FLOWBD3_OK)
        status = measure_bounds(context, path, copy, &f, &err);
    flowbd3_context_destroy(&context);
    (void)unlink(path);
    (void)unlink(copy);
    FILE *out = status == FLOWBD3_OK && json != NULL ? fopen(json, "w") : stdout;
    if (status == FLOWBD3_OK && out == NULL)
        status = fb3_io_failure(&err, "write", json, errno);
    if (status != FLOWBD3_OK) {
        (void)fprintf(stderr, "bench-csv: %s\n", err.message);
        return 1;
    }
    print(out, &f);
    return fflush(out) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    size_t rows = 1000000;
    const char *json = NULL;
    for (int i = 1; i < argc; i += 2) {
        bool number = strcmp(argv[i], "--rows") == 0;
        if (i + 1 == argc || (!number && strcmp(argv[i], "--json") != 0) ||
            (number && (rows = (size_t)strtoull(argv[i + 1], NULL, 10)) == 0)) {
            (void)fprintf(stderr, "usage: bench-csv [--rows N] [--json FILE]\n");
            return 2;
        }
        json = number ? json : argv[i + 1];
    }
    const char *place = getenv("TMPDIR");
    char directory[PATH_MAX];
    (void)snprintf(directory, sizeof directory, "%s/flowbd3-bench-XXXXXX", place != NULL ? place : "/tmp");
    if (mkdtemp(directory) == NULL) {
        (void)fprintf(stderr, "bench-csv: cannot make a directory under %s\n",
                      place != NULL ? place : "/tmp");
        return 1;
    }
    int result = run(directory, rows, json);
    (void)rmdir(directory);
    return result;
}
