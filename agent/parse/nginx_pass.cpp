// SPDX-License-Identifier: MIT
#include "parse/nginx_pass.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace gatemend::parse {
namespace {

using core::Scheme;

// The first row of a directive whose beginning the argument has; an empty one always fits.
struct PassForm {
    std::string_view directive;
    std::string_view begins;
    Scheme scheme;
    int default_port;
};

constexpr auto kForms = std::to_array<PassForm>({
    {"fastcgi_pass", "", Scheme::kFastcgi, 0},
    {"proxy_pass", "http://", Scheme::kHttp, 80},
    {"proxy_pass", "https://", Scheme::kHttps, 443},
    {"uwsgi_pass", "uwsgi://", Scheme::kUwsgi, 0},
    {"uwsgi_pass", "suwsgi://", Scheme::kUwsgi, 0},
    {"uwsgi_pass", "", Scheme::kUwsgi, 0},
    {"scgi_pass", "", Scheme::kScgi, 0},
    {"grpc_pass", "grpc://", Scheme::kGrpc, 0},
    {"grpc_pass", "grpcs://", Scheme::kGrpcs, 0},
    {"grpc_pass", "", Scheme::kGrpc, 0},
    {"memcached_pass", "", Scheme::kMemcached, 0},
});

// Behind `http://`, up to the URI. Variables in the URI change nothing about where the request
// goes; the two that begin with a slash may even stand where it begins. nullopt: it does depend on
// one.
std::optional<std::string> proxy_authority(const std::string& target) {
    const bool is_unix = target.starts_with("unix:");
    const std::size_t uri =
        std::min(is_unix ? target.find(':', 5) : target.find_first_of("/?$"), target.size());
    std::string authority = target.substr(0, uri);
    const std::string_view rest = std::string_view(target).substr(uri);
    const bool is_slash_variable = rest.starts_with("$request_uri") || rest == "$uri" ||
                                   rest.starts_with("$uri$") || rest.starts_with("$uri?");
    const bool depends = authority.find('$') != std::string::npos ||
                         (rest.starts_with('$') && (authority.empty() || !is_slash_variable));
    return depends ? std::nullopt : std::optional(std::move(authority));
}

}  // namespace

std::string lower_case(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return result;
}

bool is_pass_directive(std::string_view name) {
    return std::ranges::find(kForms, name, &PassForm::directive) != kForms.end();
}

std::optional<PassTarget> read_pass(std::string_view directive, const std::string& argument) {
    const std::string folded = lower_case(argument);
    const auto* form = std::ranges::find_if(kForms, [&](const PassForm& item) {
        return item.directive == directive && folded.starts_with(item.begins);
    });
    if (form == kForms.end()) {
        return std::nullopt;
    }
    PassTarget pass;
    pass.scheme = form->scheme;
    pass.default_port = form->default_port;
    pass.prefix = form->directive.substr(0, form->directive.find('_') + 1);
    pass.target = argument.substr(form->begins.size());
    if (directive == "proxy_pass") {
        const auto authority = proxy_authority(pass.target);
        pass.target = authority.value_or("$");
    }
    if (pass.target.find('$') != std::string::npos) {
        return std::nullopt;
    }
    return pass;
}

}  // namespace gatemend::parse
