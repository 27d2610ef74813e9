/* The mark that SIGINT and SIGTERM set. */
#include "interrupt.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t mark;

static void set_mark(int signal_number) {
    (void)signal_number;
    mark = 1;
}

void catch_interrupts(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = set_mark;
    /* After the first one the signal kills again. */
    action.sa_flags = SA_RESTART | (int)SA_RESETHAND;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool interrupted(void) {
    return mark != 0;
}
