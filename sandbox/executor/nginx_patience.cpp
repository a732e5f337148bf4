// SPDX-License-Identifier: MIT
#include "sandbox/executor/nginx_patience.hpp"

#include "core/config_lexer.hpp"
#include "core/config_value.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace gatemend::sandbox {
namespace {

using core::TokenKind;

bool is_read_timeout(std::string_view name, core::ServiceRole role) {
    return role == core::ServiceRole::kPhpFpm ? name == "fastcgi_read_timeout"
                                              : name.ends_with("_read_timeout");
}

// False: not a time, or too long a one.
bool extend(core::Duration& longest, const std::vector<std::string>& words) {
    const auto milliseconds =
        words.size() == 2 ? core::config_milliseconds(words[1]) : std::nullopt;
    if (!milliseconds ||
        *milliseconds > static_cast<std::uint64_t>(kLongestPatience.count() / 1000)) {
        return false;
    }
    longest = std::max<core::Duration>(longest, std::chrono::milliseconds{*milliseconds});
    return true;
}

}  // namespace

std::optional<core::Duration> nginx_patience(std::string_view dump, core::ServiceRole role) {
    core::ConfigLexer lexer{dump};
    core::Duration longest = kDefaultPatience;
    std::vector<std::string> words;
    while (true) {
        core::Token token = lexer.next();
        if (token.kind == TokenKind::kWord) {
            words.push_back(std::move(token.word));
            continue;
        }
        const std::string name = words.empty() ? "" : words.front();
        const bool is_setting = token.kind == TokenKind::kSemicolon && is_read_timeout(name, role);
        const bool is_lua = token.kind == TokenKind::kOpen && name.ends_with("_by_lua_block");
        if (token.kind == TokenKind::kBroken || (is_setting && !extend(longest, words)) ||
            (is_lua && !lexer.skip_lua())) {
            return std::nullopt;
        }
        if (token.kind == TokenKind::kEnd) {
            return words.empty() ? std::optional{longest} : std::nullopt;
        }
        words.clear();
    }
}

}  // namespace gatemend::sandbox
