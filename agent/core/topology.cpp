// SPDX-License-Identifier: MIT
#include "core/topology.hpp"

#include "core/closed_set.hpp"

#include <charconv>

namespace gatemend::core {

std::string_view service_role_id(ServiceRole value) {
    switch (value) {
        case ServiceRole::kPhpFpm:
            return "php-fpm";
        case ServiceRole::kNginx:
            return "nginx";
        case ServiceRole::kOther:
            return "other";
        case ServiceRole::kUnowned:
            return "unowned";
    }
    return "?";
}

std::optional<ServiceRole> service_role_from_id(std::string_view id) {
    return find_by_id(id, ServiceRole::kUnowned, service_role_id);
}

const Service* Topology::find_nginx() const {
    for (const Service& service : services) {
        if (service.role == ServiceRole::kNginx) {
            return &service;
        }
    }
    return nullptr;
}

const Service* Topology::find_by_address(std::string_view address) const {
    for (const Service& service : services) {
        for (const Backend& backend : service.backends) {
            if (backend.address == address) {
                return &service;
            }
        }
    }
    return nullptr;
}

const Service* Topology::find_by_unit(std::string_view unit) const {
    for (const Service& service : services) {
        if (service.unit == unit) {
            return &service;
        }
    }
    return nullptr;
}

bool is_local(std::string_view address) {
    return address.starts_with("unix:") || address.starts_with("127.") ||
           address.starts_with("[::1]:");
}

int port_of(std::string_view address) {
    const std::size_t colon = address.rfind(':');
    if (colon == std::string_view::npos || address.starts_with("unix:")) {
        return 0;
    }
    int port = 0;
    const std::string_view digits = address.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    return error == std::errc{} && end == digits.data() + digits.size() ? port : 0;
}

}  // namespace gatemend::core
