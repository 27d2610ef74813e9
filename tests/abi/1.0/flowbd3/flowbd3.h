/* The interface of a release, for programs that were compiled against it. Written by tests/abi/freeze.sh. */
#ifndef FLOWBD3_VERSION_H
#define FLOWBD3_VERSION_H
#define FLOWBD3_API_MAJOR 1
#define FLOWBD3_API_MINOR 0
#define FLOWBD3_API_PATCH 0
#endif
#ifndef FLOWBD3_STATUS_H
#define FLOWBD3_STATUS_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#define FLOWBD3_API __attribute__((visibility("default")))
#else
#define FLOWBD3_API
#endif
#define FLOWBD3_STATUS_LIST(X)                             \
    X(OK, 0, "success")                                    \
    X(ERROR_ARGUMENT, -1, "invalid argument")              \
    X(ERROR_MEMORY, -2, "out of memory")                   \
    X(ERROR_IO, -3, "input or output failed")              \
    X(ERROR_FORMAT, -4, "malformed input")                 \
    X(ERROR_VERSION, -5, "unsupported version")            \
    X(ERROR_CHECKSUM, -6, "checksum mismatch")             \
    X(ERROR_SCHEMA, -7, "table does not match the schema") \
    X(ERROR_STATE, -8, "call out of order")                \
    X(ERROR_RANGE, -9, "value out of range")               \
    X(ERROR_NUMERIC, -10, "numeric failure")               \
    X(ERROR_THREAD, -11, "thread creation failed")         \
    X(ERROR_LIMIT, -12, "limit exceeded")                  \
    X(CANCELLED, -20, "cancelled")
typedef enum flowbd3_status {
#define FLOWBD3_STATUS_ENUM(name, value, text) FLOWBD3_##name = (value),
    FLOWBD3_STATUS_LIST(FLOWBD3_STATUS_ENUM)
#undef FLOWBD3_STATUS_ENUM
        FLOWBD3_STATUS_FORCE_INT = 0x7fffffff
} flowbd3_status;
typedef struct flowbd3_error {
    flowbd3_status status;
    int64_t row;
    int64_t column;
    char message[256];
} flowbd3_error;
FLOWBD3_API const char *flowbd3_status_name(flowbd3_status status);
FLOWBD3_API const char *flowbd3_status_text(flowbd3_status status);
#ifdef __cplusplus
}
#endif
#endif
#ifndef FLOWBD3_CONTEXT_H
#define FLOWBD3_CONTEXT_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct flowbd3_context flowbd3_context;
typedef enum flowbd3_log_level {
    FLOWBD3_LOG_DEBUG = 0,
    FLOWBD3_LOG_INFO = 1,
    FLOWBD3_LOG_WARNING = 2,
    FLOWBD3_LOG_ERROR = 3
} flowbd3_log_level;
typedef void (*flowbd3_log_function)(void *user, flowbd3_log_level level, const char *text);
typedef struct flowbd3_progress {
    size_t struct_size;
    const char *stage;
    uint64_t done;
    uint64_t total;
    double elapsed_seconds;
    double loss;
} flowbd3_progress;
typedef int (*flowbd3_progress_function)(void *user, const flowbd3_progress *progress);
typedef struct flowbd3_allocator {
    void *(*allocate)(void *user, size_t size);
    void *(*reallocate)(void *user, void *memory, size_t size);
    void (*release)(void *user, void *memory);
    void *user;
} flowbd3_allocator;
typedef struct flowbd3_context_options {
    size_t struct_size;
    uint32_t threads;
    flowbd3_log_level log_level;
    flowbd3_log_function log;
    void *log_user;
    flowbd3_allocator allocator;
} flowbd3_context_options;
#define FLOWBD3_CONTEXT_OPTIONS_INIT                                         \
    {                                                                        \
        sizeof(flowbd3_context_options), 0, FLOWBD3_LOG_DEBUG, NULL, NULL, { \
            NULL, NULL, NULL, NULL                                           \
        }                                                                    \
    }
FLOWBD3_API flowbd3_status flowbd3_context_options_init(flowbd3_context_options *options, size_t size);
FLOWBD3_API flowbd3_status flowbd3_context_create(flowbd3_context **out,
                                                  const flowbd3_context_options *options, flowbd3_error *err);
FLOWBD3_API void flowbd3_context_destroy(flowbd3_context **context);
FLOWBD3_API uint32_t flowbd3_context_threads(const flowbd3_context *context);
FLOWBD3_API void flowbd3_string_destroy(flowbd3_context *context, char **string);
FLOWBD3_API const char *flowbd3_version(void);
FLOWBD3_API const char *flowbd3_build_info(void);
#ifdef __cplusplus
}
#endif
#endif
#ifndef FLOWBD3_TABLE_H
#define FLOWBD3_TABLE_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct flowbd3_table flowbd3_table;
typedef enum flowbd3_type {
    FLOWBD3_TYPE_AUTO = 0,
    FLOWBD3_TYPE_REAL = 1,
    FLOWBD3_TYPE_INTEGER = 2,
    FLOWBD3_TYPE_CATEGORICAL = 3,
    FLOWBD3_TYPE_TIMESTAMP = 4,
    FLOWBD3_TYPE_ADDRESS = 5
} flowbd3_type;
typedef enum flowbd3_time_form {
    FLOWBD3_TIME_PLAIN = 0,
    FLOWBD3_TIME_SLASHES = 1,
    FLOWBD3_TIME_T = 2,
    FLOWBD3_TIME_Z = 4
} flowbd3_time_form;
FLOWBD3_API flowbd3_status flowbd3_table_create(flowbd3_table **out, flowbd3_context *context,
                                                flowbd3_error *err);
FLOWBD3_API void flowbd3_table_destroy(flowbd3_table **table);
FLOWBD3_API flowbd3_status flowbd3_table_add_real(flowbd3_table *table, const char *name,
                                                  const double *values, const uint8_t *valid, size_t rows,
                                                  flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_add_integer(flowbd3_table *table, const char *name,
                                                     const int64_t *values, const uint8_t *valid, size_t rows,
                                                     flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_add_categorical(flowbd3_table *table, const char *name,
                                                         const char *const *values, size_t rows,
                                                         flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_add_codes(flowbd3_table *table, const char *name,
                                                   const int32_t *codes, const uint8_t *valid, size_t rows,
                                                   const char *const *categories, size_t n_categories,
                                                   flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_add_timestamp(flowbd3_table *table, const char *name,
                                                       const int64_t *nanoseconds, const uint8_t *valid,
                                                       size_t rows, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_add_address(flowbd3_table *table, const char *name,
                                                     const char *const *values, size_t rows,
                                                     flowbd3_error *err);
FLOWBD3_API size_t flowbd3_table_rows(const flowbd3_table *table);
FLOWBD3_API size_t flowbd3_table_columns(const flowbd3_table *table);
FLOWBD3_API int64_t flowbd3_table_find(const flowbd3_table *table, const char *name);
FLOWBD3_API const char *flowbd3_table_name(const flowbd3_table *table, size_t column);
FLOWBD3_API flowbd3_type flowbd3_table_type(const flowbd3_table *table, size_t column);
FLOWBD3_API int flowbd3_table_decimals(const flowbd3_table *table, size_t column);
FLOWBD3_API flowbd3_status flowbd3_table_set_decimals(flowbd3_table *table, size_t column, int decimals,
                                                      flowbd3_error *err);
FLOWBD3_API unsigned flowbd3_table_time_form(const flowbd3_table *table, size_t column);
FLOWBD3_API flowbd3_status flowbd3_table_set_time_form(flowbd3_table *table, size_t column, unsigned form,
                                                       flowbd3_error *err);
FLOWBD3_API const double *flowbd3_table_real(const flowbd3_table *table, size_t column);
FLOWBD3_API const int64_t *flowbd3_table_integer(const flowbd3_table *table, size_t column);
FLOWBD3_API const int32_t *flowbd3_table_codes(const flowbd3_table *table, size_t column);
FLOWBD3_API const uint8_t *flowbd3_table_valid(const flowbd3_table *table, size_t column);
FLOWBD3_API size_t flowbd3_table_missing(const flowbd3_table *table, size_t column);
FLOWBD3_API size_t flowbd3_table_categories(const flowbd3_table *table, size_t column);
FLOWBD3_API const char *flowbd3_table_category(const flowbd3_table *table, size_t column, size_t code);
FLOWBD3_API double flowbd3_table_number(const flowbd3_table *table, size_t row, size_t column);
FLOWBD3_API flowbd3_status flowbd3_table_slice(flowbd3_table **out, const flowbd3_table *table, size_t first,
                                               size_t count, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_take(flowbd3_table **out, const flowbd3_table *table,
                                              const size_t *rows, size_t count, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_select(flowbd3_table **out, const flowbd3_table *table,
                                                const char *const *names, size_t count, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_append(flowbd3_table *table, const flowbd3_table *other,
                                                flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_split(flowbd3_table **first, flowbd3_table **second,
                                               const flowbd3_table *table, double share, uint64_t seed,
                                               flowbd3_error *err);
typedef enum flowbd3_csv_header { FLOWBD3_CSV_HEADER_YES = 0, FLOWBD3_CSV_HEADER_NO = 1 } flowbd3_csv_header;
typedef enum flowbd3_csv_nonfinite {
    FLOWBD3_CSV_NONFINITE_MISSING = 0,
    FLOWBD3_CSV_NONFINITE_ERROR = 1,
    FLOWBD3_CSV_NONFINITE_TEXT = 2
} flowbd3_csv_nonfinite;
typedef struct flowbd3_column_type {
    const char *name;
    flowbd3_type type;
} flowbd3_column_type;
typedef struct flowbd3_csv_options {
    size_t struct_size;
    char delimiter;
    char quote;
    flowbd3_csv_header header;
    flowbd3_csv_nonfinite nonfinite;
    const flowbd3_column_type *types;
    size_t n_types;
    const char *const *missing;
    size_t n_missing;
    uint64_t max_rows;
    flowbd3_progress_function progress;
    void *progress_user;
} flowbd3_csv_options;
#define FLOWBD3_CSV_OPTIONS_INIT                                                                           \
    {                                                                                                      \
        sizeof(flowbd3_csv_options), 0, 0, FLOWBD3_CSV_HEADER_YES, FLOWBD3_CSV_NONFINITE_MISSING, NULL, 0, \
            NULL, 0, 0, NULL, NULL                                                                         \
    }
FLOWBD3_API flowbd3_status flowbd3_csv_options_init(flowbd3_csv_options *options, size_t size);
FLOWBD3_API flowbd3_status flowbd3_table_read_csv(flowbd3_table **out, flowbd3_context *context,
                                                  const char *path, const flowbd3_csv_options *options,
                                                  flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_parse_csv(flowbd3_table **out, flowbd3_context *context,
                                                   const char *text, size_t size,
                                                   const flowbd3_csv_options *options, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_write_csv(const flowbd3_table *table, const char *path,
                                                   const flowbd3_csv_options *options, flowbd3_error *err);
typedef struct flowbd3_csv_writer flowbd3_csv_writer;
FLOWBD3_API flowbd3_status flowbd3_csv_writer_create(flowbd3_csv_writer **out, flowbd3_context *context,
                                                     const char *path, const flowbd3_csv_options *options,
                                                     flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_csv_writer_write(flowbd3_csv_writer *writer, const flowbd3_table *table,
                                                    flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_csv_writer_commit(flowbd3_csv_writer *writer, flowbd3_error *err);
FLOWBD3_API void flowbd3_csv_writer_destroy(flowbd3_csv_writer **writer);
struct ArrowSchema;
struct ArrowArray;
FLOWBD3_API flowbd3_status flowbd3_table_import_arrow(flowbd3_table **out, flowbd3_context *context,
                                                      struct ArrowSchema *schema, struct ArrowArray *array,
                                                      flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_export_arrow(const flowbd3_table *table, struct ArrowSchema *schema,
                                                      struct ArrowArray *array, flowbd3_error *err);
#ifdef __cplusplus
}
#endif
#endif
#ifndef FLOWBD3_STREAM_H
#define FLOWBD3_STREAM_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct flowbd3_table_stream flowbd3_table_stream;
FLOWBD3_API flowbd3_status flowbd3_table_stream_csv(flowbd3_table_stream **out, flowbd3_context *context,
                                                    const char *path, const flowbd3_csv_options *options,
                                                    size_t chunk_rows, flowbd3_error *err);
typedef struct flowbd3_table_source {
    size_t struct_size;
    void *user;
    flowbd3_status (*next)(void *user, flowbd3_table **chunk, flowbd3_error *err);
    flowbd3_status (*rewind)(void *user, flowbd3_error *err);
    void (*release)(void *user);
} flowbd3_table_source;
#define FLOWBD3_TABLE_SOURCE_INIT \
    { sizeof(flowbd3_table_source), NULL, NULL, NULL, NULL }
FLOWBD3_API flowbd3_status flowbd3_table_source_init(flowbd3_table_source *source, size_t size);
FLOWBD3_API flowbd3_status flowbd3_table_stream_create(flowbd3_table_stream **out, flowbd3_context *context,
                                                       const flowbd3_table_source *source,
                                                       flowbd3_error *err);
FLOWBD3_API void flowbd3_table_stream_destroy(flowbd3_table_stream **stream);
FLOWBD3_API flowbd3_status flowbd3_table_stream_next(flowbd3_table_stream *stream, flowbd3_table **chunk,
                                                     flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_stream_rewind(flowbd3_table_stream *stream, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_stream_select(flowbd3_table_stream *stream, const char *const *names,
                                                       size_t count, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_stream_columns(flowbd3_table_stream *stream, flowbd3_table **columns,
                                                        flowbd3_error *err);
FLOWBD3_API uint64_t flowbd3_table_stream_rows(const flowbd3_table_stream *stream);
#ifdef __cplusplus
}
#endif
#endif
#ifndef FLOWBD3_RULES_H
#define FLOWBD3_RULES_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct flowbd3_rules flowbd3_rules;
FLOWBD3_API flowbd3_status flowbd3_rules_from_json(flowbd3_rules **out, flowbd3_context *context,
                                                   const char *json, size_t size, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_rules_load(flowbd3_rules **out, flowbd3_context *context, const char *path,
                                              flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_rules_to_json(const flowbd3_rules *rules, char **json, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_rules_save(const flowbd3_rules *rules, const char *path,
                                              flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_rules_default(flowbd3_rules **out, const flowbd3_table *table,
                                                 flowbd3_error *err);
typedef struct flowbd3_rules_search_options {
    size_t struct_size;
    double min_share;
    uint64_t min_rows;
    uint64_t seed;
    flowbd3_progress_function progress;
    void *progress_user;
} flowbd3_rules_search_options;
#define FLOWBD3_RULES_SEARCH_OPTIONS_INIT \
    { sizeof(flowbd3_rules_search_options), 0.0, 0, 0, NULL, NULL }
FLOWBD3_API flowbd3_status flowbd3_rules_search_options_init(flowbd3_rules_search_options *options,
                                                             size_t size);
FLOWBD3_API flowbd3_status flowbd3_rules_search(flowbd3_rules **out, const flowbd3_table *table,
                                                const flowbd3_rules *given,
                                                const flowbd3_rules_search_options *options,
                                                flowbd3_error *err);
FLOWBD3_API void flowbd3_rules_destroy(flowbd3_rules **rules);
FLOWBD3_API size_t flowbd3_rules_count(const flowbd3_rules *rules);
FLOWBD3_API const char *flowbd3_rules_name(const flowbd3_rules *rules, size_t i);
FLOWBD3_API const char *flowbd3_rules_text(const flowbd3_rules *rules, size_t i);
typedef struct flowbd3_rule_result {
    uint64_t applies;
    uint64_t violated;
    uint64_t first;
} flowbd3_rule_result;
FLOWBD3_API flowbd3_status flowbd3_rules_check(const flowbd3_rules *rules, const flowbd3_table *table,
                                               flowbd3_rule_result *results, uint64_t *any,
                                               flowbd3_error *err);
#ifdef __cplusplus
}
#endif
#endif
#ifndef FLOWBD3_TOKENIZER_H
#define FLOWBD3_TOKENIZER_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct flowbd3_tokenizer flowbd3_tokenizer;
typedef enum flowbd3_binning {
    FLOWBD3_BINNING_AUTO = 0,
    FLOWBD3_BINNING_UNIFORM = 1,
    FLOWBD3_BINNING_QUANTILE = 2,
    FLOWBD3_BINNING_KMEANS = 3
} flowbd3_binning;
typedef enum flowbd3_codec {
    FLOWBD3_CODEC_AUTO = 0,
    FLOWBD3_CODEC_EXACT = 1,
    FLOWBD3_CODEC_BINS = 2,
    FLOWBD3_CODEC_FINE = 3,
    FLOWBD3_CODEC_DIGITS = 4
} flowbd3_codec;
typedef struct flowbd3_column_codec {
    const char *name;
    flowbd3_codec codec;
    uint32_t bins;
} flowbd3_column_codec;
typedef enum flowbd3_relations { FLOWBD3_RELATIONS_SEARCH = 0, FLOWBD3_RELATIONS_OFF = 1 } flowbd3_relations;
typedef struct flowbd3_tokenizer_options {
    size_t struct_size;
    flowbd3_binning binning;
    uint32_t bins;
    uint64_t seed;
    const char *const *group_by;
    size_t n_group_by;
    const char *order_by;
    const flowbd3_column_codec *codecs;
    size_t n_codecs;
    uint32_t rare_rows;
    const flowbd3_rules *rules;
    flowbd3_relations relations;
} flowbd3_tokenizer_options;
#define FLOWBD3_TOKENIZER_OPTIONS_INIT                                                                  \
    {                                                                                                   \
        sizeof(flowbd3_tokenizer_options), FLOWBD3_BINNING_AUTO, 0, 0, NULL, 0, NULL, NULL, 0, 0, NULL, \
            FLOWBD3_RELATIONS_SEARCH                                                                    \
    }
FLOWBD3_API flowbd3_status flowbd3_tokenizer_options_init(flowbd3_tokenizer_options *options, size_t size);
FLOWBD3_API flowbd3_status flowbd3_tokenizer_create(flowbd3_tokenizer **out, const flowbd3_table *table,
                                                    const flowbd3_tokenizer_options *options,
                                                    flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_tokenizer_create_stream(flowbd3_tokenizer **out,
                                                           flowbd3_table_stream *stream,
                                                           const flowbd3_tokenizer_options *options,
                                                           flowbd3_error *err);
FLOWBD3_API void flowbd3_tokenizer_destroy(flowbd3_tokenizer **tokenizer);
FLOWBD3_API const flowbd3_rules *flowbd3_tokenizer_rules(const flowbd3_tokenizer *tokenizer);
FLOWBD3_API size_t flowbd3_tokenizer_slots(const flowbd3_tokenizer *tokenizer);
FLOWBD3_API size_t flowbd3_tokenizer_columns(const flowbd3_tokenizer *tokenizer);
FLOWBD3_API const char *flowbd3_tokenizer_name(const flowbd3_tokenizer *tokenizer, size_t column);
FLOWBD3_API flowbd3_type flowbd3_tokenizer_type(const flowbd3_tokenizer *tokenizer, size_t column);
FLOWBD3_API flowbd3_status flowbd3_tokenizer_columns_table(const flowbd3_tokenizer *tokenizer,
                                                           flowbd3_table **out, flowbd3_error *err);
FLOWBD3_API size_t flowbd3_tokenizer_vocabulary(const flowbd3_tokenizer *tokenizer, size_t slot);
FLOWBD3_API double flowbd3_tokenizer_centre(const flowbd3_tokenizer *tokenizer, size_t slot, size_t token);
FLOWBD3_API flowbd3_status flowbd3_tokenizer_encode(const flowbd3_tokenizer *tokenizer,
                                                    const flowbd3_table *table, uint16_t *tokens,
                                                    flowbd3_error *err);
typedef enum flowbd3_decoding { FLOWBD3_DECODE_DRAW = 0, FLOWBD3_DECODE_CENTRE = 1 } flowbd3_decoding;
FLOWBD3_API flowbd3_status flowbd3_tokenizer_decode(const flowbd3_tokenizer *tokenizer,
                                                    const uint16_t *tokens, size_t rows,
                                                    flowbd3_decoding decoding, uint64_t seed,
                                                    uint64_t first_row, flowbd3_table **out,
                                                    flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_tokenizer_to_json(const flowbd3_tokenizer *tokenizer, char **json,
                                                     flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_tokenizer_from_json(flowbd3_tokenizer **out, flowbd3_context *context,
                                                       const char *json, size_t size, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_tokenizer_save(const flowbd3_tokenizer *tokenizer, const char *path,
                                                  flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_tokenizer_load(flowbd3_tokenizer **out, flowbd3_context *context,
                                                  const char *path, flowbd3_error *err);
#ifdef __cplusplus
}
#endif
#endif
#ifndef FLOWBD3_MODEL_H
#define FLOWBD3_MODEL_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct flowbd3_model flowbd3_model;
typedef enum flowbd3_column_order {
    FLOWBD3_COLUMNS_AUTO = 0,
    FLOWBD3_COLUMNS_FIXED = 1,
    FLOWBD3_COLUMNS_RANDOM = 2
} flowbd3_column_order;
typedef struct flowbd3_model_options {
    size_t struct_size;
    uint32_t d_model;
    uint32_t n_heads;
    uint32_t n_layers;
    uint32_t d_ff;
    double dropout;
    uint64_t seed;
    uint32_t sequence_length;
    uint32_t block_size;
    flowbd3_column_order column_order;
    const char *const *columns;
    size_t n_columns;
} flowbd3_model_options;
#define FLOWBD3_MODEL_OPTIONS_INIT \
    { sizeof(flowbd3_model_options), 0, 0, 0, 0, 0.0, 0, 0, 0, FLOWBD3_COLUMNS_AUTO, NULL, 0 }
FLOWBD3_API flowbd3_status flowbd3_model_options_init(flowbd3_model_options *options, size_t size);
FLOWBD3_API flowbd3_status flowbd3_model_create(flowbd3_model **out, flowbd3_tokenizer *tokenizer,
                                                const flowbd3_model_options *options, flowbd3_error *err);
FLOWBD3_API void flowbd3_model_destroy(flowbd3_model **model);
FLOWBD3_API flowbd3_status flowbd3_model_save(const flowbd3_model *model, const char *path,
                                              flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_model_load(flowbd3_model **out, flowbd3_context *context, const char *path,
                                              flowbd3_error *err);
FLOWBD3_API flowbd3_tokenizer *flowbd3_model_tokenizer(const flowbd3_model *model);
FLOWBD3_API flowbd3_status flowbd3_model_get_options(const flowbd3_model *model,
                                                     flowbd3_model_options *options, flowbd3_error *err);
FLOWBD3_API void flowbd3_model_clip(const flowbd3_model *model, double *low, double *high);
FLOWBD3_API double flowbd3_model_condition_dropout(const flowbd3_model *model);
FLOWBD3_API uint64_t flowbd3_model_parameters(const flowbd3_model *model);
#ifdef __cplusplus
}
#endif
#endif
#ifndef FLOWBD3_TRAINER_H
#define FLOWBD3_TRAINER_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct flowbd3_trainer flowbd3_trainer;
typedef enum flowbd3_noise { FLOWBD3_NOISE_COUNT = 0, FLOWBD3_NOISE_LEVEL = 1 } flowbd3_noise;
typedef enum flowbd3_schedule {
    FLOWBD3_SCHEDULE_LINEAR = 0,
    FLOWBD3_SCHEDULE_COSINE = 1,
    FLOWBD3_SCHEDULE_SQUARE = 2,
    FLOWBD3_SCHEDULE_SQUARE_ROOT = 3,
    FLOWBD3_SCHEDULE_LOGARITHMIC = 4
} flowbd3_schedule;
typedef struct flowbd3_trainer_options {
    size_t struct_size;
    uint32_t epochs;
    uint32_t batch_size;
    double learning_rate;
    double weight_decay;
    double beta1;
    double beta2;
    double epsilon;
    double gradient_clip;
    uint32_t warmup_steps;
    double final_learning_rate;
    double ema_decay;
    uint32_t patience;
    double max_seconds;
    uint64_t seed;
    const char *best_path;
    const char *latest_path;
    flowbd3_noise noise;
    flowbd3_schedule schedule;
    double clip_low;
    double clip_high;
    uint32_t clip_search;
    uint32_t resample;
    double validation_share;
    double condition_dropout;
    uint64_t memory_budget;
} flowbd3_trainer_options;
#define FLOWBD3_TRAINER_OPTIONS_INIT                                                                       \
    {                                                                                                      \
        sizeof(flowbd3_trainer_options), 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0, 0.0, 0, 0.0, 0, NULL, \
            NULL, FLOWBD3_NOISE_COUNT, FLOWBD3_SCHEDULE_LINEAR, 0.0, 0.0, 0, 0, 0.0, 0.0, 0                \
    }
FLOWBD3_API flowbd3_status flowbd3_trainer_options_init(flowbd3_trainer_options *options, size_t size);
typedef struct flowbd3_epoch {
    size_t struct_size;
    uint32_t epoch;
    uint64_t step;
    double train_loss;
    double validation_nelbo;
    double learning_rate;
    double gradient_norm;
    double seconds;
    double clip_low;
    double clip_high;
    double loss_variance;
    double unclipped_variance;
} flowbd3_epoch;
#define FLOWBD3_EPOCH_INIT \
    { sizeof(flowbd3_epoch), 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0 }
FLOWBD3_API flowbd3_status flowbd3_trainer_create(flowbd3_trainer **out, flowbd3_model *model,
                                                  const flowbd3_table *train, const flowbd3_table *validation,
                                                  const flowbd3_trainer_options *options, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_trainer_create_stream(flowbd3_trainer **out, flowbd3_model *model,
                                                         flowbd3_table_stream *train,
                                                         flowbd3_table_stream *validation,
                                                         const flowbd3_trainer_options *options,
                                                         flowbd3_error *err);
FLOWBD3_API void flowbd3_trainer_destroy(flowbd3_trainer **trainer);
FLOWBD3_API flowbd3_status flowbd3_trainer_get_options(const flowbd3_trainer *trainer,
                                                       flowbd3_trainer_options *options, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_trainer_resume(flowbd3_trainer *trainer, const char *path,
                                                  flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_trainer_run(flowbd3_trainer *trainer, flowbd3_progress_function progress,
                                               void *progress_user, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_trainer_save(const flowbd3_trainer *trainer, const char *path,
                                                flowbd3_error *err);
FLOWBD3_API int flowbd3_trainer_finished(const flowbd3_trainer *trainer);
FLOWBD3_API size_t flowbd3_trainer_epochs(const flowbd3_trainer *trainer);
FLOWBD3_API flowbd3_status flowbd3_trainer_get_epoch(const flowbd3_trainer *trainer, size_t i,
                                                     flowbd3_epoch *epoch, flowbd3_error *err);
#ifdef __cplusplus
}
#endif
#endif
#ifndef FLOWBD3_SAMPLER_H
#define FLOWBD3_SAMPLER_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct flowbd3_sampler flowbd3_sampler;
typedef enum flowbd3_order {
    FLOWBD3_ORDER_RANDOM = 0,
    FLOWBD3_ORDER_ANCESTRAL = 1,
    FLOWBD3_ORDER_CONFIDENCE = 2,
    FLOWBD3_ORDER_MARGIN = 3,
    FLOWBD3_ORDER_ENTROPY = 4,
    FLOWBD3_ORDER_THRESHOLD = 5,
    FLOWBD3_ORDER_REMASK_CAP = 6,
    FLOWBD3_ORDER_REMASK_RESCALE = 7,
    FLOWBD3_ORDER_REMASK_CONFIDENCE = 8,
    FLOWBD3_ORDER_REMASK_LOOP = 9
} flowbd3_order;
typedef enum flowbd3_draws { FLOWBD3_DRAWS_STRATIFIED = 0, FLOWBD3_DRAWS_INDEPENDENT = 1 } flowbd3_draws;
typedef struct flowbd3_weight {
    const char *value;
    double weight;
} flowbd3_weight;
typedef struct flowbd3_sampler_options {
    size_t struct_size;
    uint32_t steps;
    double temperature;
    double top_p;
    uint64_t seed;
    uint32_t batch_size;
    flowbd3_decoding decoding;
    flowbd3_order order;
    double threshold;
    double remask;
    double loop_from;
    double loop_to;
    uint32_t sequence_flows;
    const char *const *given;
    size_t n_given;
    const flowbd3_rules *rules;
    const char *weighted;
    const flowbd3_weight *weights;
    size_t n_weights;
    uint32_t attempts;
    uint32_t complete;
    double guidance;
    flowbd3_draws draws;
} flowbd3_sampler_options;
#define FLOWBD3_SAMPLER_OPTIONS_INIT                                                                        \
    {                                                                                                       \
        sizeof(flowbd3_sampler_options), 0, 0.0, 0.0, 0, 0, FLOWBD3_DECODE_DRAW, FLOWBD3_ORDER_RANDOM, 0.0, \
            0.0, 0.0, 0.0, 0, NULL, 0, NULL, NULL, NULL, 0, 0, 0, 0.0, FLOWBD3_DRAWS_STRATIFIED             \
    }
FLOWBD3_API flowbd3_status flowbd3_sampler_options_init(flowbd3_sampler_options *options, size_t size);
FLOWBD3_API flowbd3_status flowbd3_sampler_create(flowbd3_sampler **out, const flowbd3_model *model,
                                                  const flowbd3_sampler_options *options, flowbd3_error *err);
FLOWBD3_API void flowbd3_sampler_destroy(flowbd3_sampler **sampler);
FLOWBD3_API flowbd3_status flowbd3_sampler_memory(const flowbd3_model *model,
                                                  const flowbd3_sampler_options *options, uint64_t *bytes,
                                                  flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_sampler_generate(flowbd3_sampler *sampler, uint64_t rows,
                                                    flowbd3_table **out, flowbd3_progress_function progress,
                                                    void *progress_user, flowbd3_error *err);
typedef int (*flowbd3_sampler_sink)(void *user, const flowbd3_table *chunk);
FLOWBD3_API flowbd3_status flowbd3_sampler_stream(flowbd3_sampler *sampler, uint64_t rows,
                                                  flowbd3_sampler_sink sink, void *sink_user,
                                                  flowbd3_progress_function progress, void *progress_user,
                                                  flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_sampler_complete(flowbd3_sampler *sampler, const flowbd3_table *partial,
                                                    flowbd3_table **out, flowbd3_progress_function progress,
                                                    void *progress_user, flowbd3_error *err);
FLOWBD3_API uint64_t flowbd3_sampler_evaluations(const flowbd3_sampler *sampler, uint64_t *flows);
FLOWBD3_API uint64_t flowbd3_sampler_position(const flowbd3_sampler *sampler);
FLOWBD3_API void flowbd3_sampler_seek(flowbd3_sampler *sampler, uint64_t row);
#ifdef __cplusplus
}
#endif
#endif
#ifndef FLOWBD3_SCORE_H
#define FLOWBD3_SCORE_H
#ifdef __cplusplus
extern "C" {
#endif
typedef enum flowbd3_score_method { FLOWBD3_SCORE_NELBO = 0, FLOWBD3_SCORE_EXACT = 1 } flowbd3_score_method;
typedef struct flowbd3_score_options {
    size_t struct_size;
    flowbd3_score_method method;
    uint32_t draws;
    const char *const *order;
    size_t n_order;
    const char *const *given;
    size_t n_given;
    const char *const *scored;
    size_t n_scored;
    uint32_t per_sequence;
    double unseen;
    uint64_t seed;
    flowbd3_progress_function progress;
    void *progress_user;
} flowbd3_score_options;
#define FLOWBD3_SCORE_OPTIONS_INIT                                                                         \
    {                                                                                                      \
        sizeof(flowbd3_score_options), FLOWBD3_SCORE_NELBO, 0, NULL, 0, NULL, 0, NULL, 0, 0, 0.0, 0, NULL, \
            NULL                                                                                           \
    }
FLOWBD3_API flowbd3_status flowbd3_score_options_init(flowbd3_score_options *options, size_t size);
FLOWBD3_API flowbd3_status flowbd3_model_score(const flowbd3_model *model, const flowbd3_table *table,
                                               const flowbd3_score_options *options, double *nll,
                                               double *standard_error, flowbd3_error *err);
#ifdef __cplusplus
}
#endif
#endif
#ifndef FLOWBD3_CALIBRATION_H
#define FLOWBD3_CALIBRATION_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct flowbd3_calibration flowbd3_calibration;
typedef struct flowbd3_calibration_options {
    size_t struct_size;
    uint32_t bins;
    const char *const *order;
    size_t n_order;
    uint64_t seed;
    flowbd3_progress_function progress;
    void *progress_user;
} flowbd3_calibration_options;
#define FLOWBD3_CALIBRATION_OPTIONS_INIT \
    { sizeof(flowbd3_calibration_options), 0, NULL, 0, 0, NULL, NULL }
FLOWBD3_API flowbd3_status flowbd3_calibration_options_init(flowbd3_calibration_options *options,
                                                            size_t size);
FLOWBD3_API flowbd3_status flowbd3_calibration_create(flowbd3_calibration **out, const flowbd3_model *model,
                                                      const flowbd3_table *table,
                                                      const flowbd3_calibration_options *options,
                                                      flowbd3_error *err);
FLOWBD3_API void flowbd3_calibration_destroy(flowbd3_calibration **calibration);
FLOWBD3_API const double *flowbd3_calibration_histogram(const flowbd3_calibration *calibration, size_t column,
                                                        const double **standard_error);
FLOWBD3_API size_t flowbd3_calibration_bins(const flowbd3_calibration *calibration);
typedef enum flowbd3_calibration_figure {
    FLOWBD3_CALIBRATION_PIT_L1 = 0,
    FLOWBD3_CALIBRATION_PIT_L1_FLOOR = 1,
    FLOWBD3_CALIBRATION_PIT_BIAS = 2,
    FLOWBD3_CALIBRATION_PIT_BIAS_ERROR = 3,
    FLOWBD3_CALIBRATION_ECE = 4,
    FLOWBD3_CALIBRATION_ECE_FLOOR = 5,
    FLOWBD3_CALIBRATION_UNSEEN = 6
} flowbd3_calibration_figure;
FLOWBD3_API double flowbd3_calibration_get(const flowbd3_calibration *calibration, size_t column,
                                           flowbd3_calibration_figure figure);
#ifdef __cplusplus
}
#endif
#endif
#ifndef FLOWBD3_EVALUATOR_H
#define FLOWBD3_EVALUATOR_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct flowbd3_evaluator flowbd3_evaluator;
typedef enum flowbd3_metrics {
    FLOWBD3_METRICS_MARGINALS = 1,
    FLOWBD3_METRICS_JOINT = 2,
    FLOWBD3_METRICS_CLASSIFIER = 4,
    FLOWBD3_METRICS_NEIGHBOURS = 8,
    FLOWBD3_METRICS_RULES = 16,
    FLOWBD3_METRICS_SEQUENCES = 32
} flowbd3_metrics;
typedef struct flowbd3_evaluator_options {
    size_t struct_size;
    uint64_t max_rows;
    uint64_t seed;
    const flowbd3_rules *rules;
    uint32_t groups;
    uint32_t bootstrap;
    const char *const *group_by;
    size_t n_group_by;
    const char *order_by;
    const flowbd3_table *training;
    uint32_t reference_authenticity;
    uint64_t max_classifier_rows;
    const char *target;
} flowbd3_evaluator_options;
#define FLOWBD3_EVALUATOR_OPTIONS_INIT \
    { sizeof(flowbd3_evaluator_options), 0, 0, NULL, 0, 0, NULL, 0, NULL, NULL, 0, 0, NULL }
FLOWBD3_API flowbd3_status flowbd3_evaluator_options_init(flowbd3_evaluator_options *options, size_t size);
FLOWBD3_API flowbd3_status flowbd3_evaluator_create(flowbd3_evaluator **out, flowbd3_context *context,
                                                    const flowbd3_table *real,
                                                    const flowbd3_table *second_real,
                                                    const flowbd3_evaluator_options *options,
                                                    flowbd3_error *err);
FLOWBD3_API void flowbd3_evaluator_destroy(flowbd3_evaluator **evaluator);
FLOWBD3_API flowbd3_status flowbd3_evaluator_run(flowbd3_evaluator *evaluator, const flowbd3_table *generated,
                                                 flowbd3_progress_function progress, void *progress_user,
                                                 flowbd3_error *err);
FLOWBD3_API double flowbd3_evaluator_get(const flowbd3_evaluator *evaluator, const char *name);
FLOWBD3_API size_t flowbd3_evaluator_count(const flowbd3_evaluator *evaluator);
FLOWBD3_API const char *flowbd3_evaluator_figure(const flowbd3_evaluator *evaluator, size_t i, double *value);
typedef enum flowbd3_sample {
    FLOWBD3_SAMPLE_REAL = 0,
    FLOWBD3_SAMPLE_GENERATED = 1,
    FLOWBD3_SAMPLE_SECOND_REAL = 2
} flowbd3_sample;
FLOWBD3_API const double *flowbd3_evaluator_matrix(const flowbd3_evaluator *evaluator, const char *name,
                                                   flowbd3_sample sample, size_t *n, const size_t **columns);
FLOWBD3_API const double *flowbd3_evaluator_curve(const flowbd3_evaluator *evaluator, const char *name,
                                                  size_t *n);
FLOWBD3_API const uint64_t *flowbd3_evaluator_violations(const flowbd3_evaluator *evaluator, size_t i,
                                                         flowbd3_sample sample, size_t *n);
FLOWBD3_API flowbd3_status flowbd3_evaluator_to_json(const flowbd3_evaluator *evaluator, char **json,
                                                     flowbd3_error *err);
#ifdef __cplusplus
}
#endif
#endif
