// SPDX-License-Identifier: MIT
// Any bytes as events, one per line, and what they do to the engine: it never stops working.
#include "engine/event_text.hpp"
#include "engine/step.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <algorithm>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace engine = gatemend::engine;
    engine::State state;
    gatemend::core::Event event;
    std::string_view rest = gatemend::fuzz::as_text(data, std::min<std::size_t>(size, 4096));
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        auto body = engine::parse_event(rest.substr(0, end), state);
        if (body.has_value()) {
            event.body = std::move(*body);
            event.time += std::chrono::seconds{1};
            for (const auto& effect : engine::step(state, event)) {
                (void)engine::describe(effect);
            }
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return 0;
}
