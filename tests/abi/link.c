/* Links and runs with the flags of pkg-config alone. */
#include <flowbd3/flowbd3.h>

#include <string.h>

int main(void) {
    flowbd3_context *context = NULL;
    flowbd3_error err;
    if (flowbd3_context_create(&context, NULL, &err) != FLOWBD3_OK)
        return 1;
    flowbd3_context_destroy(&context);
    return strlen(flowbd3_version()) == 0;
}
