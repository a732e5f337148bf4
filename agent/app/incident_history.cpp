// SPDX-License-Identifier: MIT
#include "app/incident_history.hpp"

#include "actions/catalogue.hpp"
#include "core/topology.hpp"
#include "engine/effect.hpp"
#include "io/small_file.hpp"
#include "sandbox/audit/audit_reader.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <optional>

namespace gatemend::app {

namespace {

using nlohmann::json;

struct Line {
    std::string kind;
    std::uint64_t incident = 0;
    std::string unit;
    core::TimePoint time{};
    bool is_held_as_stopped = false;
    bool has_job = false;  // and what that is for shows when it has ended
};

bool is_among(const json& holds, core::HoldKind kind) {
    const json id = std::string{core::hold_kind_id(kind)};
    return holds.is_array() && std::any_of(holds.begin(), holds.end(), [&id](const json& hold) {
               return hold.is_object() && hold.value("kind", json{}) == id;
           });
}

bool is_service_name(std::string_view name) {
    return actions::is_unit_name(name) || core::is_unowned_name(name);
}

std::optional<Line> line_of(std::string_view text) {
    const json item = json::parse(text, nullptr, false);
    if (!item.is_object()) {
        return std::nullopt;
    }
    const auto kind = item.find("kind");
    const auto incident = item.find("incident");
    const auto unit = item.find("unit");
    const auto time = item.find("time");
    if (kind == item.end() || !kind->is_string() || incident == item.end() ||
        !incident->is_number_unsigned() || unit == item.end() || !unit->is_string() ||
        time == item.end() || !time->is_string()) {
        return std::nullopt;
    }
    const auto moment = core::parse_time(time->get_ref<const std::string&>());
    if (!moment || !is_service_name(unit->get_ref<const std::string&>())) {
        return std::nullopt;
    }
    const json holds = item.value("holds", json{});
    return Line{kind->get<std::string>(),
                incident->get<std::uint64_t>(),
                unit->get<std::string>(),
                *moment,
                is_among(holds, core::HoldKind::kAdminStopped),
                is_among(holds, core::HoldKind::kJobQueued)};
}

}  // namespace

IncidentHistory read_history(std::string_view text) {
    const std::string_view closed = engine::record_kind_id(engine::RecordKind::kClosed);
    const std::string_view decided = engine::record_kind_id(engine::RecordKind::kDecided);
    std::map<std::uint64_t, core::IncidentRestored> open;
    IncidentHistory history;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const auto line = line_of(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line || line->incident == 0) {
            continue;
        }
        history.last_incident = std::max(history.last_incident, line->incident);
        if (line->kind == closed) {
            open.erase(line->incident);
        } else {
            // Any record will do: the one of its opening may lie before the tail.
            const auto entry = open.try_emplace(
                line->incident, core::IncidentRestored{line->incident, line->unit, line->time, {}});
            if (line->kind == decided && line->is_held_as_stopped) {
                entry.first->second.stopped = line->time;
            } else if (line->kind == decided && !line->has_job) {
                entry.first->second.stopped.reset();
            }
        }
    }
    for (const auto& [id, restored] : open) {
        history.open.push_back(restored);
    }
    return history;
}

core::Result<IncidentHistory> load_history(const std::string& path) {
    GATEMEND_TRY(files, sandbox::chain_files(path));
    std::string text;
    for (auto file = files.rbegin(); file != files.rend() && text.size() < kMaxHistoryBytes;
         ++file) {
        GATEMEND_TRY(tail, io::read_file_tail(*file, kMaxHistoryBytes - text.size()));
        text.insert(0, tail);
    }
    return read_history(text);
}

}  // namespace gatemend::app
