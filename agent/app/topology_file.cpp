// SPDX-License-Identifier: MIT
#include "app/topology_file.hpp"

#include "actions/catalogue.hpp"
#include "app/discovery.hpp"

#include <nlohmann/json.hpp>

namespace gatemend::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;

Json to_json(const std::vector<core::Backend>& backends) {
    Json list = Json::array();
    for (const core::Backend& backend : backends) {
        list.push_back({{"address", backend.address},
                        {"pool", backend.pool},
                        {"where", backend.where},
                        {"scheme", std::string(core::scheme_id(backend.scheme))},
                        {"host", backend.host}});
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
        backends.push_back(std::move(backend));
    }
    return backends;
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
    return core::Service{*unit, role_of(*unit), std::move(*backends)};
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
    document["error_logs"] = topology.error_logs;
    document["worker_user"] = topology.worker_user;
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
    for (const Json& log : document.value("error_logs", empty)) {
        if (!log.is_string()) {
            return std::nullopt;
        }
        topology.error_logs.push_back(log.get<std::string>());
    }
    topology.worker_user = text(document, "worker_user").value_or("");
    return topology;
}

}  // namespace gatemend::app
