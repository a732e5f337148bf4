// SPDX-License-Identifier: MIT
#include "cli/replay.hpp"

#include "cli/replay_diff.hpp"
#include "cli/replay_files.hpp"
#include "core/text.hpp"
#include "engine/event_text.hpp"
#include "engine/timeline.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>

namespace gatemend::cli {

namespace {

// Over logs only what became of them matters: nobody can answer a question, so none is printed.
bool is_shown(const engine::Effect& effect, bool is_log) {
    if (std::holds_alternative<engine::SetTimer>(effect)) {
        return false;  // the engine's own clockwork; replay drives it
    }
    const auto* record = std::get_if<engine::Record>(&effect);
    return !is_log || (record != nullptr && record->kind != engine::RecordKind::kSuspicion);
}

void print_effect(core::TimePoint time, const engine::Effect& effect, bool is_json) {
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

void print_incidents(const engine::State& state) {
    for (const auto& [id, incident] : state.incidents) {
        fmt::print("incident #{} {} {} cause={} attempts={} {}\n",
                   id,
                   core::sanitize(incident.unit),
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
    if (options.old_policies) {
        return run_replay_diff(options);
    }
    policy::LoadedPolicy loaded = policy::load_policy(options.policies);
    if (!loaded.errors.empty()) {
        for (const policy::Diagnostic& diagnostic : loaded.errors) {
            fmt::print(stderr, "{}\n", policy::render(diagnostic));
        }
        return 1;
    }
    LogSummary summary;
    engine::Timeline timeline(std::move(loaded.policy),
                              [&](core::TimePoint time, const engine::Effect& effect) {
                                  if (is_shown(effect, summary.is_log)) {
                                      print_effect(time, effect, options.is_json);
                                  }
                              });
    if (const core::Status replayed = replay_files(options.files, {{timeline, summary}});
        !replayed) {
        fmt::print(stderr, "gatemend: replay: {}\n", replayed.error().text);
        return 1;
    }
    if (!options.is_json) {
        print_summary(timeline.state(), summary);
    }
    return 0;
}

}  // namespace gatemend::cli
