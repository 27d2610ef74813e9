/* The report of a comparison as one HTML page that needs no other file. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <flowbd3/flowbd3.h>

/* What was compared. second and rules, with the name of second, may be NULL. */
typedef struct report_subject {
    const flowbd3_evaluator *evaluator; /* that has run */
    const flowbd3_table *real, *generated, *second;
    size_t second_of;                                     /* rows of the file that second was chosen from */
    const char *real_name, *generated_name, *second_name; /* of the files */
    const flowbd3_rules *rules;
    const char *json; /* the evaluator's report */
} report_subject;

/* Writes report.html and report.json into directory, which is made if it is not there. 0 or an exit status.
 */
int write_report(const report_subject *subject, const char *directory);

#endif
