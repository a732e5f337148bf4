// SPDX-License-Identifier: MIT
#include "parse/fact_event.hpp"

#include "parse/packet_filter.hpp"
#include "parse/pm2_list.hpp"

namespace gatemend::parse {

core::Inspected inspected(const std::string& unit,
                          const core::Result<std::string>& text,
                          std::string& problem) {
    core::Inspected event{unit, std::nullopt};
    auto decoded = text ? core::decode_inspection(*text) : text.error();
    if (decoded) {
        event.inspection = std::move(*decoded);
    } else {
        problem = "no look at the machine: " + decoded.error().text;
    }
    return event;
}

core::FilterRead filter_read(const std::string& unit,
                             const std::string& address,
                             const core::Result<PacketFilterRules>& rules,
                             std::string& problem) {
    core::FilterRead event{unit, address, ""};
    if (!rules) {
        problem = "packet filter: " + rules.error().text;
        return event;
    }
    const Destination where =
        core::is_local(address) ? Destination::kThisMachine : Destination::kElsewhere;
    const auto rule = find_blocking_rule(rules->format, rules->text, address, where);
    if (!rule) {
        problem = "packet filter: " + rule.error().text;
    } else if (*rule) {
        event.rule = (*rule)->text;
        if ((*rule)->packets) {
            event.rule += " (has stopped " + std::to_string(*(*rule)->packets) + " packets)";
        }
    }
    return event;
}

core::AppsListed apps_listed(const std::string& unit,
                             const core::Result<std::string>& text,
                             std::string& problem) {
    core::AppsListed event{unit, {}};
    if (text) {
        event.apps = read_pm2_list(*text);
    } else {
        problem = "applications under " + unit + ": " + text.error().text;
    }
    return event;
}

std::vector<std::string> resolved_addresses(const std::string& host,
                                            const core::Result<std::string>& line) {
    const auto result = line ? core::decode_probe_result(*line) : std::nullopt;
    const std::string port = host.substr(name_of_host(host).size());
    std::vector<std::string> addresses;
    if (result) {
        for (const std::string& address : result->addresses) {
            const bool is_v6 = address.find(':') != std::string::npos;
            std::string& text = addresses.emplace_back(is_v6 ? "[" : "");
            text.append(address).append(is_v6 ? "]" : "").append(port);
        }
    }
    return addresses;
}

std::string name_of_host(const std::string& host) {
    return host.substr(0, host.rfind(':'));
}

}  // namespace gatemend::parse
