// SPDX-License-Identifier: MIT
#include "cli/replay.hpp"

#include "cli/replay_log.hpp"
#include "core/text.hpp"
#include "engine/event_text.hpp"
#include "engine/timeline.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>
#include <span>
#include <sstream>

namespace gatemend::cli {

namespace {

constexpr std::string_view kEventHeader = "# gatemend events";
constexpr std::size_t kMaxEventLine = std::size_t{64} * 1024;
constexpr std::size_t kMaxEventFile = std::size_t{64} * 1024 * 1024;

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

bool is_comment(const std::string& line) {
    return line.empty() || line.front() == '#';
}

core::Status replay_events(std::istream& input,
                           const std::string& name,
                           engine::Timeline& timeline) {
    std::string line;
    for (std::uint64_t number = 1; std::getline(input, line); ++number) {
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

struct OpenedFile {
    LogInput input;
    std::string head;  // its first bytes
};

core::Result<OpenedFile> open_file(const std::string& name) {
    auto input = LogInput::open(name);
    if (!input) {
        return input.error().within(name);
    }
    std::string head(kEventHeader.size() + 1, '\0');
    std::size_t filled = 0;
    while (filled < head.size()) {
        const auto got = input->read(std::span<char>(head).subspan(filled));
        if (!got) {
            return got.error().within(name);
        }
        if (*got == 0) {
            break;
        }
        filled += *got;
    }
    head.resize(filled);
    return OpenedFile{std::move(*input), std::move(head)};
}

core::Status replay_event_file(OpenedFile file,
                               const std::string& name,
                               engine::Timeline& timeline) {
    std::string text = std::move(file.head);
    std::vector<char> window(kMaxEventLine);
    while (true) {
        const auto got = file.input.read(window);
        if (!got) {
            return got.error().within(name);
        }
        if (*got == 0) {
            break;
        }
        if (text.size() + *got > kMaxEventFile) {
            return core::Error{name + ": an event file of more than 64 MiB"};
        }
        text.append(window.data(), *got);
    }
    std::istringstream input(std::move(text));
    return replay_events(input, name, timeline);
}

// The first line tells what a file is. Event files are replayed in their order; all others are
// logs, and merged by time.
core::Status replay_files(const std::vector<std::string>& files,
                          engine::Timeline& timeline,
                          LogSummary& summary) {
    std::vector<std::unique_ptr<ReplaySource>> logs;
    for (const std::string& name : files) {
        GATEMEND_TRY(file, open_file(name));
        if (file.head == std::string{kEventHeader} + "\n") {
            GATEMEND_CHECK(replay_event_file(std::move(file), name, timeline));
        } else {
            logs.push_back(std::make_unique<ReplaySource>(std::move(file.input), name, file.head));
        }
    }
    if (logs.empty()) {
        return core::Done{};
    }
    summary.is_log = true;
    return replay_logs(std::move(logs), timeline, summary);
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
    if (const core::Status replayed = replay_files(options.files, timeline, summary); !replayed) {
        fmt::print(stderr, "gatemend: replay: {}\n", replayed.error().text);
        return 1;
    }
    if (!options.is_json) {
        print_summary(timeline.state(), summary);
    }
    return 0;
}

}  // namespace gatemend::cli
