// SPDX-License-Identifier: MIT
#include "core/topology.hpp"

#include "core/closed_set.hpp"

#include <algorithm>

namespace gatemend::core {

namespace {

// As PHP's configuration language has it.
bool is_yes(std::string value) {
    std::ranges::transform(value, value.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return value == "1" || value == "yes" || value == "true" || value == "on";
}

}  // namespace

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

ServiceRole role_of_unit(std::string_view unit) {
    if (unit == "nginx.service") {
        return ServiceRole::kNginx;
    }
    const bool is_fpm = unit.starts_with("php") && unit.ends_with("fpm.service");
    return is_fpm ? ServiceRole::kPhpFpm : ServiceRole::kOther;
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

const Seen* Topology::find_seen(std::string_view address) const {
    const auto found = std::ranges::lower_bound(seen, address, {}, &Seen::address);
    return found != seen.end() && found->address == address ? &*found : nullptr;
}

Service unowned_service(const Backend& backend) {
    return Service{"(" + backend.address + ")", ServiceRole::kUnowned, {backend}};
}

bool is_log_open_to_scripts(const Service& service) {
    return std::ranges::any_of(service.backends, [](const Backend& backend) {
        return is_yes(backend.fpm.catch_output.value) && !is_yes(backend.fpm.decorate_output.value);
    });
}

bool is_unowned_name(std::string_view name) {
    constexpr std::size_t kMaxNameBytes = 256;  // longer than any address
    return name.size() > 2 && name.size() <= kMaxNameBytes && name.front() == '(' &&
           name.back() == ')' &&
           std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

const std::string& real_address(const Backend& backend) {
    return backend.real.empty() ? backend.address : backend.real;
}

bool is_loopback(std::string_view address) {
    return address.starts_with("127.") || address.starts_with("[::1]:");
}

bool is_local(std::string_view address) {
    return address.starts_with("unix:") || is_loopback(address);
}

}  // namespace gatemend::core
