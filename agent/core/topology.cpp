// SPDX-License-Identifier: MIT
#include "core/topology.hpp"

namespace gatemend::core {

std::string_view service_role_id(ServiceRole value) {
    switch (value) {
        case ServiceRole::kPhpFpm:
            return "php-fpm";
        case ServiceRole::kNginx:
            return "nginx";
        case ServiceRole::kOther:
            return "other";
    }
    return "?";
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

}  // namespace gatemend::core
