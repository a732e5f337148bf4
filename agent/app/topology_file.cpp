// SPDX-License-Identifier: MIT
#include "app/topology_file.hpp"

#include "actions/catalogue.hpp"
#include "app/discovery.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace gatemend::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;

struct BackendLine {
    const char* key;
    core::ConfigLine core::Backend::*line;
};

struct PoolLine {
    const char* key;
    core::ConfigLine core::PoolSettings::*line;
};

struct NginxLine {
    const char* key;
    core::ConfigLine core::NginxLimits::*line;
};

constexpr auto kBackendLines = std::to_array<BackendLine>({
    {"read_timeout", &core::Backend::read_timeout},
    {"longest_wait", &core::Backend::longest_wait},
    {"buffer_size", &core::Backend::buffer_size},
    {"buffers", &core::Backend::buffers},
    {"busy_buffers_size", &core::Backend::busy_buffers_size},
});

constexpr auto kPoolLines = std::to_array<PoolLine>({
    {"pm", &core::PoolSettings::pm},
    {"max_children", &core::PoolSettings::max_children},
    {"start_servers", &core::PoolSettings::start_servers},
    {"min_spare_servers", &core::PoolSettings::min_spare_servers},
    {"max_spare_servers", &core::PoolSettings::max_spare_servers},
    {"terminate_timeout", &core::PoolSettings::terminate_timeout},
    {"control_timeout", &core::PoolSettings::control_timeout},
    {"slowlog_timeout", &core::PoolSettings::slowlog_timeout},
    {"slowlog", &core::PoolSettings::slowlog},
    {"memory_limit", &core::PoolSettings::memory_limit},
    {"max_execution_time", &core::PoolSettings::max_execution_time},
    {"catch_output", &core::PoolSettings::catch_output},
    {"decorate_output", &core::PoolSettings::decorate_output},
});

constexpr auto kNginxLines = std::to_array<NginxLine>({
    {"worker_processes", &core::NginxLimits::worker_processes},
    {"worker_connections", &core::NginxLimits::worker_connections},
    {"worker_rlimit_nofile", &core::NginxLimits::worker_rlimit_nofile},
});

// [value, where] by key; what is not known is left out.
template <class Lines, class Owner>
Json lines_to_json(const Lines& lines, const Owner& owner) {
    Json object = Json::object();
    for (const auto& item : lines) {
        const core::ConfigLine& line = owner.*(item.line);
        if (!line.value.empty() || !line.where.empty()) {
            object[item.key] = {line.value, line.where};
        }
    }
    return object;
}

// Files of older versions have none of these.
template <class Lines, class Owner>
void read_lines(const Lines& lines, const Json& document, const char* key, Owner& owner) {
    const Json object = document.is_object() ? document.value(key, Json()) : Json();
    for (const auto& item : lines) {
        const Json pair = object.is_object() ? object.value(item.key, Json()) : Json();
        if (pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_string()) {
            owner.*(item.line) = {pair[0].get<std::string>(), pair[1].get<std::string>()};
        }
    }
}

Json to_json(const std::vector<core::Backend>& backends) {
    Json list = Json::array();
    for (const core::Backend& backend : backends) {
        list.push_back({{"address", backend.address},
                        {"pool", backend.pool},
                        {"where", backend.where},
                        {"scheme", std::string(core::scheme_id(backend.scheme))},
                        {"host", backend.host},
                        {"real", backend.real},
                        {"nginx", lines_to_json(kBackendLines, backend)},
                        {"fpm", lines_to_json(kPoolLines, backend.fpm)}});
    }
    return list;
}

// A string member, or nullopt.
std::optional<std::string> text(const Json& item, const char* key) {
    if (!item.is_object()) {
        return std::nullopt;
    }
    const auto found = item.find(key);
    if (found == item.end() || !found->is_string()) {
        return std::nullopt;
    }
    return found->get<std::string>();
}

std::optional<std::vector<core::Backend>> backends_of(const Json& list) {
    std::vector<core::Backend> backends;
    for (const Json& item : list) {
        auto address = text(item, "address");
        auto pool = text(item, "pool");
        auto where = text(item, "where");
        if (!address || !pool || !where) {
            return std::nullopt;
        }
        core::Backend backend;
        backend.address = std::move(*address);
        backend.pool = std::move(*pool);
        backend.where = std::move(*where);
        // Files of older versions have neither.
        backend.scheme = core::scheme_from_id(text(item, "scheme").value_or("fastcgi"))
                             .value_or(core::Scheme::kFastcgi);
        backend.host = text(item, "host").value_or("");
        backend.real = text(item, "real").value_or("");
        read_lines(kBackendLines, item, "nginx", backend);
        read_lines(kPoolLines, item, "fpm", backend.fpm);
        backends.push_back(std::move(backend));
    }
    return backends;
}

Json to_json(const std::vector<core::Pool>& pools) {
    Json list = Json::array();
    for (const core::Pool& pool : pools) {
        list.push_back({{"unit", pool.unit},
                        {"name", pool.name},
                        {"address", pool.address},
                        {"user", pool.user}});
    }
    return list;
}

Json to_json(const std::vector<core::Seen>& seen) {
    Json list = Json::array();
    for (const core::Seen& item : seen) {
        list.push_back({{"address", item.address},
                        {"unit", item.unit},
                        {"pool", item.pool},
                        {"user", item.user},
                        {"beside", item.is_beside}});
    }
    return list;
}

// Files of older versions have none; a broken entry is one less that is known.
std::vector<core::Pool> pools_of(const Json& list) {
    std::vector<core::Pool> pools;
    for (const Json& item : list) {
        const auto unit = text(item, "unit");
        const auto name = text(item, "name");
        const auto address = text(item, "address");
        if (unit && actions::is_unit_name(*unit) && name && address &&
            pools.size() < core::kMaxPools) {
            pools.push_back({*unit, *name, *address, text(item, "user").value_or("")});
        }
    }
    return pools;
}

std::vector<core::Seen> seen_of(const Json& list) {
    std::vector<core::Seen> seen;
    for (const Json& item : list) {
        const auto unit = text(item, "unit");
        const auto address = text(item, "address");
        if (unit && actions::is_unit_name(*unit) && address && seen.size() < core::kMaxSeen) {
            const Json beside = item.value("beside", Json());
            seen.push_back({*address,
                            *unit,
                            text(item, "pool").value_or(""),
                            text(item, "user").value_or(""),
                            beside.is_boolean() && beside.get<bool>()});
        }
    }
    std::ranges::sort(seen, {}, &core::Seen::address);
    const auto is_same = [](const core::Seen& a, const core::Seen& b) {
        return a.address == b.address;
    };
    seen.erase(std::unique(seen.begin(), seen.end(), is_same), seen.end());
    return seen;
}

std::optional<core::Service> service_of(const Json& item) {
    const auto unit = text(item, "unit");
    if (!unit || !actions::is_unit_name(*unit) || !item.contains("backends")) {
        return std::nullopt;
    }
    auto backends = backends_of(item["backends"]);
    if (!backends) {
        return std::nullopt;
    }
    return core::Service{*unit, core::role_of_unit(*unit), std::move(*backends)};
}

}  // namespace

std::string encode_topology(const core::Topology& topology) {
    Json document;
    document["format"] = kFormat;
    document["services"] = Json::array();
    for (const core::Service& service : topology.services) {
        document["services"].push_back(
            {{"unit", service.unit}, {"backends", to_json(service.backends)}});
    }
    document["unowned"] = to_json(topology.unowned);
    document["pools"] = to_json(topology.pools);
    document["seen"] = to_json(topology.seen);
    document["error_logs"] = topology.error_logs;
    document["worker_user"] = topology.worker_user;
    document["limits"] = lines_to_json(kNginxLines, topology.limits);
    return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<core::Topology> decode_topology(std::string_view content) {
    const Json document = Json::parse(content, nullptr, false);
    if (!document.is_object() || document.value("format", Json()) != kFormat) {
        return std::nullopt;
    }
    const Json empty = Json::array();
    core::Topology topology;
    for (const Json& item : document.value("services", empty)) {
        auto service = service_of(item);
        if (!service) {
            return std::nullopt;
        }
        topology.services.push_back(std::move(*service));
    }
    auto unowned = backends_of(document.value("unowned", empty));
    if (!unowned) {
        return std::nullopt;
    }
    topology.unowned = std::move(*unowned);
    topology.pools = pools_of(document.value("pools", empty));
    topology.seen = seen_of(document.value("seen", empty));
    for (const Json& log : document.value("error_logs", empty)) {
        if (!log.is_string()) {
            return std::nullopt;
        }
        topology.error_logs.push_back(log.get<std::string>());
    }
    topology.worker_user = text(document, "worker_user").value_or("");
    read_lines(kNginxLines, document, "limits", topology.limits);
    return topology;
}

}  // namespace gatemend::app
