// Links and runs with the flags of pkg-config alone.
#include <flowbd3/flowbd3.h>

#include <string>

int main() {
    flowbd3_context *context = nullptr;
    flowbd3_error err;
    if (flowbd3_context_create(&context, nullptr, &err) != FLOWBD3_OK)
        return 1;
    flowbd3_context_destroy(&context);
    return std::string(flowbd3_version()).empty();
}
