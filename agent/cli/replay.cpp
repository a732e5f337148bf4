// SPDX-License-Identifier: MIT
#include "cli/replay.hpp"

#include "cli/replay_log.hpp"
#include "core/text.hpp"
#include "engine/event_text.hpp"
#include "engine/timeline.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <set>

namespace gatemend::cli {

namespace {

constexpr std::string_view kEventHeader = "# gatemend events";
constexpr std::size_t kMaxEventLine = std::size_t{64} * 1024;

void print_effect(core::TimePoint time, const engine::Effect& effect, bool is_json) {
    if (std::holds_alternative<engine::SetTimer>(effect)) {
        return;  // the engine's own clockwork; replay drives it
    }
    const std::string text = engine::describe(effect);
    if (!is_json) {
        fmt::print("{} {}\n", core::format_time(time), text);
        return;
    }
    const std::size_t space = text.find(' ');
    const nlohmann::ordered_json line{
        {"time", core::format_time(time)}, {"effect", text.substr(0, space)}, {"text", text}};
    fmt::print("{}\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

bool is_comment(const std::string& line) {
    return line.empty() || line.front() == '#';
}

core::Status replay_events(std::istream& input,
                           const std::string& name,
                           engine::Timeline& timeline) {
    std::string line;
    for (std::uint64_t number = 2; std::getline(input, line); ++number) {
        if (is_comment(line)) {
            continue;
        }
        const std::string place = name + ":" + std::to_string(number);
        if (line.size() > kMaxEventLine) {
            return core::Error{place + ": line is longer than 64 KiB"};
        }
        if (const core::Status fed = timeline.feed_text(line); !fed) {
            return fed.error().within(place);
        }
    }
    return input.bad() ? core::Status{core::Error{name + ": read error"}}
                       : core::Status{core::Done{}};
}

// The first line tells what a file is. Anything that is not an event file is read as nginx's log.
core::Status replay_file(const std::string& name, engine::Timeline& timeline, LogSummary& summary) {
    const bool is_stdin = name == "-";
    std::ifstream file;
    if (!is_stdin) {
        file.open(name, std::ios::binary);
        if (!file) {
            return core::Error{name + ": cannot be opened for reading"};
        }
    }
    std::istream& input = is_stdin ? std::cin : file;
    std::string first(kEventHeader.size() + 1, '\0');
    input.read(first.data(), static_cast<std::streamsize>(first.size()));
    first.resize(static_cast<std::size_t>(input.gcount()));
    if (first == std::string{kEventHeader} + "\n") {
        return replay_events(input, name, timeline);
    }
    return replay_log(input, std::move(first), name, timeline, summary);
}

void print_incidents(const engine::State& state) {
    for (const auto& [id, incident] : state.incidents) {
        fmt::print("incident #{} {} {} cause={} attempts={} {}\n",
                   id,
                   incident.unit,
                   engine::phase_id(incident.phase),
                   core::cause_id(incident.diagnosis.cause),
                   incident.attempts.size(),
                   incident.outcome);
    }
}

void print_summary(const engine::State& state, const LogSummary& summary) {
    fmt::print("---\n");
    print_incidents(state);
    for (const auto& [address, count] : summary.symptoms_by_address) {
        fmt::print("log {} symptoms={} (a log alone never leads to an act)\n",
                   core::sanitize(address),
                   count);
    }
    fmt::print("{} incidents, {} acts, {} log symptoms, {} probes wanted\n",
               state.incidents.size(),
               state.counters.acts,
               state.counters.symptoms,
               state.counters.probes);
}

}  // namespace

int run_replay(const ReplayOptions& options) {
    policy::LoadedPolicy loaded = policy::load_policy(options.policies);
    if (!loaded.errors.empty()) {
        for (const policy::Diagnostic& diagnostic : loaded.errors) {
            fmt::print(stderr, "{}\n", policy::render(diagnostic));
        }
        return 1;
    }
    LogSummary summary;
    engine::Timeline timeline(std::move(loaded.policy),
                              [&options](core::TimePoint time, const engine::Effect& effect) {
                                  print_effect(time, effect, options.is_json);
                              });
    for (const std::string& file : options.files) {
        if (const core::Status replayed = replay_file(file, timeline, summary); !replayed) {
            fmt::print(stderr, "gatemend: replay: {}\n", replayed.error().text);
            return 1;
        }
    }
    if (!options.is_json) {
        print_summary(timeline.state(), summary);
    }
    return 0;
}

}  // namespace gatemend::cli
