// SPDX-License-Identifier: MIT
#include "core/scheme.hpp"

#include "core/closed_set.hpp"

namespace gatemend::core {

std::string_view scheme_id(Scheme value) {
    switch (value) {
        case Scheme::kFastcgi:
            return "fastcgi";
        case Scheme::kHttp:
            return "http";
        case Scheme::kHttps:
            return "https";
        case Scheme::kUwsgi:
            return "uwsgi";
        case Scheme::kScgi:
            return "scgi";
        case Scheme::kGrpc:
            return "grpc";
        case Scheme::kGrpcs:
            return "grpcs";
        case Scheme::kMemcached:
            return "memcached";
    }
    return "?";
}

std::optional<Scheme> scheme_from_id(std::string_view id) {
    return find_by_id(id, Scheme::kMemcached, scheme_id);
}

}  // namespace gatemend::core
