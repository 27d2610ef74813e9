/* A C++ program that learns columns it holds in memory and makes rows like them.
 *
 *   c++ -std=c++17 embed.cpp $(pkg-config --cflags --libs flowbd3) -o embed && ./embed */
#include <flowbd3/flowbd3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <vector>

template <auto destroy> struct Destroy {
    template <typename T> void operator()(T *handle) const {
        destroy(&handle);
    }
};
using Context = std::unique_ptr<flowbd3_context, Destroy<flowbd3_context_destroy>>;
using Table = std::unique_ptr<flowbd3_table, Destroy<flowbd3_table_destroy>>;
using Tokenizer = std::unique_ptr<flowbd3_tokenizer, Destroy<flowbd3_tokenizer_destroy>>;
using Model = std::unique_ptr<flowbd3_model, Destroy<flowbd3_model_destroy>>;
using Trainer = std::unique_ptr<flowbd3_trainer, Destroy<flowbd3_trainer_destroy>>;
using Sampler = std::unique_ptr<flowbd3_sampler, Destroy<flowbd3_sampler_destroy>>;

/* Calls a function of the library with an error at the end, and throws its message. */
template <typename Function, typename... Arguments> void call(Function function, Arguments... arguments) {
    flowbd3_error err{};
    if (function(arguments..., &err) != FLOWBD3_OK)
        throw std::runtime_error(err.message);
}

/* What a function with the new handle as first argument makes. */
template <typename Handle, typename Function, typename... Arguments>
Handle make(Function function, Arguments... arguments) {
    typename Handle::pointer handle = nullptr;
    call(function, &handle, arguments...);
    return Handle(handle);
}

/* Flows of two services: short ones to the name server, long ones to the web. */
Table flows(flowbd3_context *context, int rows) {
    std::vector<double> seconds;
    std::vector<int64_t> packets;
    std::vector<const char *> service;
    for (int i = 0; i < rows; i++) {
        int web = i % 3 != 0, size = i * 7919 % 101;
        service.push_back(web ? "web" : "dns");
        packets.push_back(web ? 10 + size : 2);
        seconds.push_back(web ? 0.05 * packets.back() : 0.001 * (1 + size));
    }
    auto table = make<Table>(flowbd3_table_create, context);
    call(flowbd3_table_add_real, table.get(), "seconds", seconds.data(), nullptr, seconds.size());
    call(flowbd3_table_add_integer, table.get(), "packets", packets.data(), nullptr, packets.size());
    call(flowbd3_table_add_categorical, table.get(), "service", service.data(), service.size());
    return table;
}

int main() try {
    flowbd3_model_options sizes = {sizeof sizes, 32, 2, 2, 0, 0.0, 0};
    flowbd3_trainer_options schedule = FLOWBD3_TRAINER_OPTIONS_INIT;
    schedule.epochs = 20;
    schedule.learning_rate = 3e-3;
    schedule.ema_decay = 0.9;
    auto context = make<Context>(flowbd3_context_create, nullptr);
    auto table = flows(context.get(), 1000);
    auto tokenizer = make<Tokenizer>(flowbd3_tokenizer_create, table.get(), nullptr);
    auto model = make<Model>(flowbd3_model_create, tokenizer.get(), &sizes);
    auto trainer = make<Trainer>(flowbd3_trainer_create, model.get(), table.get(), nullptr, &schedule);
    call(flowbd3_trainer_run, trainer.get(), nullptr, nullptr);
    auto sampler = make<Sampler>(flowbd3_sampler_create, model.get(), nullptr);
    flowbd3_table *made = nullptr;
    call(flowbd3_sampler_generate, sampler.get(), 5, &made, nullptr, nullptr);
    Table rows(made);
    for (size_t i = 0; i < flowbd3_table_rows(made); i++)
        std::printf("%7.3f s, %3.0f packets, %s\n", flowbd3_table_number(made, i, 0),
                    flowbd3_table_number(made, i, 1),
                    flowbd3_table_category(made, 2, size_t(flowbd3_table_codes(made, 2)[i])));
} catch (const std::exception &failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
}
