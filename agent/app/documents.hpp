// SPDX-License-Identifier: MIT
// The JSON documents of the operator's commands (keys: agent/cli/README.md) and the fields of a
// record, made from the engine's state. Used by the D-Bus object, the recorder and --dry-run.
// Read-only; every string in the state is sanitized already.
#pragma once

#include "engine/state.hpp"
#include "io/log_tailer.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace gatemend::app {

using Json = nlohmann::ordered_json;

struct LogStatus {
    std::string path;
    io::TailCounters counters;
    std::string problem;
};

// What the state does not know but `status` shows.
struct StatusExtras {
    std::string version;
    std::vector<std::string> problems;  // sentences, the gravest first
    std::vector<LogStatus> logs;
    std::vector<std::string> policy_files;
    std::size_t unwatched_directories = 0;
    std::uint64_t dropped_events = 0;
    core::TimePoint now{};
};

// Who asks. What the unit says in the journal is for whoever may read the journal.
enum class Reader { kRoot, kGroup };

[[nodiscard]] Json incident_document(const engine::State& state, const engine::Incident& incident);
// Newest first.
[[nodiscard]] Json incidents_document(const engine::State& state, Reader reader);
[[nodiscard]] Json services_document(const engine::State& state, core::TimePoint now);
[[nodiscard]] Json status_document(const engine::State& state, const StatusExtras& extras);
// `preview`: of the change, as the executor shows it.
[[nodiscard]] Json plan_document(const actions::Plan& plan,
                                 const std::string& digest,
                                 const std::string& preview);

// The inside of the record's JSON object, for AuditFile::append.
// `left_out`: how many records of the service were not written since its last one.
[[nodiscard]] std::string record_fields(const engine::Record& record, std::uint64_t left_out = 0);

// Compact JSON that is always valid UTF-8.
[[nodiscard]] std::string dump(const Json& document);

}  // namespace gatemend::app
