/* How the report's page looks. */
#ifndef REPORT_STYLE_H
#define REPORT_STYLE_H

extern const char report_style[];

#endif
