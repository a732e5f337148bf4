// SPDX-License-Identifier: MIT
#include "policies/client_words.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace gatemend::policy {
namespace {

constexpr std::array<std::string_view, 31> kClientWords{
    "agent",        "args",        "arguments",   "client",      "client_ip", "cookie",
    "cookies",      "header",      "headers",     "host",        "hostname",  "http_host",
    "http_referer", "ip",          "method",      "path",        "query",     "query_string",
    "referer",      "referrer",    "remote_addr", "remote_user", "request",   "request_line",
    "request_uri",  "server_name", "status_line", "uri",         "url",       "user_agent",
    "vhost"};

}  // namespace

bool is_client_word(std::string_view key) {
    std::string word{key};
    for (char& c : word) {
        c = c == '-' ? '_' : c;
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return std::ranges::find(kClientWords, word) != kClientWords.end();
}

bool holds_placeholder(std::string_view value) {
    return value.find('$') != std::string_view::npos ||
           value.find("{{") != std::string_view::npos || value.find("%{") != std::string_view::npos;
}

}  // namespace gatemend::policy
