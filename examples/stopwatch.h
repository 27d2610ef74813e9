/* Time that only goes forward. */
#ifndef STOPWATCH_H
#define STOPWATCH_H

/* Seconds since some moment in the past. */
double seconds_now(void);

#endif
