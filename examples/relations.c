/* Rules of rows. */
#include "relations.h"
#include "failure.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

flowbd3_status read_rules(flowbd3_rules **rules, flowbd3_context *context, const char *argument,
                          const flowbd3_table *table, flowbd3_error *err) {
    *rules = NULL;
    if (argument == NULL)
        return FLOWBD3_OK;
    return strcmp(argument, "default") == 0 ? flowbd3_rules_default(rules, table, err)
                                            : flowbd3_rules_load(rules, context, argument, err);
}

/* ---- how many rows obey ------------------------------------------------------------------------ */

typedef struct relation {
    const char *text;
    bool found; /* not stated by the user */
    uint64_t applies, obey;
} relation;

/* The relations[count] of rules, as their JSON has them; to be freed. NULL without memory. */
static relation *list_relations(const flowbd3_rules *rules, flowbd3_context *context, size_t count) {
    char *text = NULL;
    json_t *object = NULL;
    if (flowbd3_rules_to_json(rules, &text, NULL) == FLOWBD3_OK)
        object = json_loads(text, 0, NULL);
    flowbd3_string_destroy(context, &text);
    relation *list = object != NULL ? calloc(count + 1, sizeof *list) : NULL;
    for (size_t i = 0; list != NULL && i < count; i++) {
        const json_t *rule = json_array_get(json_object_get(object, "rules"), i);
        list[i] = (relation){flowbd3_rules_text(rules, i), json_is_true(json_object_get(rule, "found")),
                             (uint64_t)json_integer_value(json_object_get(rule, "applies")),
                             (uint64_t)json_integer_value(json_object_get(rule, "obey"))};
    }
    json_decref(object);
    return list;
}

static bool is_certain(const relation *r) {
    return !r->found || r->obey == r->applies;
}

static void print_share(FILE *file, const relation *r) {
    fprintf(file, "%llu/%llu", (unsigned long long)r->obey, (unsigned long long)r->applies);
}

int print_relations(FILE *file, const flowbd3_rules *rules, flowbd3_context *context) {
    size_t count = rules != NULL ? flowbd3_rules_count(rules) : 0;
    relation *list = count > 0 ? list_relations(rules, context, count) : NULL;
    if (count > 0 && list == NULL)
        return failure("out of memory for the relations");
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "%s\t", list[i].text);
        print_share(file, &list[i]);
        if (list[i].applies > 0)
            fprintf(file, "\t%.9g\n", (double)list[i].obey / (double)list[i].applies);
        else
            fputs("\t-\n", file);
    }
    free(list);
    return fflush(file) == 0 ? 0 : failure("cannot write the relations: %s", strerror(errno));
}

/* ---- relations.json ---------------------------------------------------------------------------- */

/* Those shown beside their number. */
enum { FIRST_RELATIONS = 5 };

/* "relations: 1 stated, 7 certain, 2 uncertain" and the first ones. */
static void say_what_relations_are(const relation *list, size_t count) {
    size_t stated = 0, certain = 0;
    for (size_t i = 0; i < count; i++) {
        stated += !list[i].found;
        certain += list[i].found && is_certain(&list[i]);
    }
    fputs("relations: ", stderr);
    if (stated > 0)
        fprintf(stderr, "%zu stated, ", stated);
    fprintf(stderr, "%zu certain, %zu uncertain\n", certain, count - stated - certain);
    for (size_t i = 0; i < count && i < FIRST_RELATIONS; i++) {
        fprintf(stderr, "  %s", list[i].text);
        if (list[i].obey < list[i].applies) {
            fputs(" (", stderr);
            print_share(stderr, &list[i]);
            fputs(" rows)", stderr);
        }
        fputc('\n', stderr);
    }
    if (count > FIRST_RELATIONS)
        fprintf(stderr, "  and %zu more\n", count - FIRST_RELATIONS);
}

/* A file without rules. */
static flowbd3_status write_no_rules(flowbd3_context *context, const char *path, bool searched,
                                     flowbd3_error *err) {
    char text[128];
    flowbd3_rules *none = NULL;
    snprintf(text, sizeof text, "{\"format\":\"flowbd3-rules\",\"version\":1,\"search\":%s,\"rules\":[]}",
             searched ? "true" : "false");
    flowbd3_status status = flowbd3_rules_from_json(&none, context, text, strlen(text), err);
    if (status == FLOWBD3_OK)
        status = flowbd3_rules_save(none, path, err);
    flowbd3_rules_destroy(&none);
    return status;
}

static bool is_same_file(const char *path, const char *other) {
    struct stat a, b;
    return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int write_relations(const flowbd3_rules *rules, flowbd3_context *context, const char *path, const char *given,
                    bool searched) {
    flowbd3_error err = {0};
    size_t count = rules != NULL ? flowbd3_rules_count(rules) : 0;
    relation *list = count > 0 ? list_relations(rules, context, count) : NULL;
    if (count > 0 && list == NULL)
        return failure("out of memory for the relations");
    if (count > 0 || searched)
        say_what_relations_are(list, count);
    free(list);
    if (given != NULL && is_same_file(path, given))
        return 0;
    flowbd3_status status =
        rules != NULL ? flowbd3_rules_save(rules, path, &err) : write_no_rules(context, path, searched, &err);
    return status == FLOWBD3_OK ? 0 : library_failure(&err);
}
