// SPDX-License-Identifier: MIT
#include "sandbox/executor/nginx_patience.hpp"

#include "core/config_lexer.hpp"
#include "core/config_value.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gatemend::sandbox {
namespace {

using core::TokenKind;

using Protocols = std::set<std::string, std::less<>>;  // "fastcgi", "proxy" ...

// Of one block: who is asked in it without a timeout of its own, and what it says itself.
struct Block {
    bool is_http = false;
    Protocols asked{};
    Protocols limited{};
};

class Patience {
  public:
    explicit Patience(core::ServiceRole role) : role_(role) {}

    void open(std::string_view name) { blocks_.push_back({.is_http = name == "http"}); }

    void close() {
        if (blocks_.size() > 1) {
            Block block = std::move(blocks_.back());
            blocks_.pop_back();
            if (block.is_http) {
                limited_.merge(block.limited);
            }
            std::ranges::set_difference(
                block.asked,
                block.limited,
                std::inserter(blocks_.back().asked, blocks_.back().asked.end()));
        }
    }

    // False: not a time, or too long a one.
    bool take(const std::vector<std::string>& words) {
        constexpr std::string_view kPass = "_pass";
        constexpr std::string_view kTimeout = "_read_timeout";
        const std::string_view name = words.empty() ? std::string_view{} : words.front();
        if (name.ends_with(kPass)) {
            note(blocks_.back().asked, name.substr(0, name.size() - kPass.size()));
        } else if (name.ends_with(kTimeout)) {
            const std::string_view protocol = name.substr(0, name.size() - kTimeout.size());
            return !is_asked_in(protocol) || extend(words, protocol);
        }
        return true;
    }

    // Included files stand behind the file that includes them: what `http` says holds there as
    // well, what stands around an `include` further in is not looked for.
    core::Duration longest() {
        while (blocks_.size() > 1) {
            close();
        }
        const Protocols& asked = blocks_.front().asked;
        const bool is_limited = is_any_asked_ && std::ranges::includes(limited_, asked);
        return is_limited ? longest_ : std::max(longest_, kDefaultPatience);
    }

  private:
    // Of PHP-FPM only FastCGI's counts.
    [[nodiscard]] bool is_asked_in(std::string_view protocol) const {
        return role_ != core::ServiceRole::kPhpFpm || protocol == "fastcgi";
    }

    void note(Protocols& asked, std::string_view protocol) {
        if (is_asked_in(protocol)) {
            asked.emplace(protocol);
            is_any_asked_ = true;
        }
    }

    bool extend(const std::vector<std::string>& words, std::string_view protocol) {
        const auto milliseconds =
            words.size() == 2 ? core::config_milliseconds(words[1]) : std::nullopt;
        if (!milliseconds ||
            *milliseconds > static_cast<std::uint64_t>(kLongestPatience.count() / 1000)) {
            return false;
        }
        longest_ = std::max<core::Duration>(longest_, std::chrono::milliseconds{*milliseconds});
        blocks_.back().limited.emplace(protocol);
        return true;
    }

    core::ServiceRole role_;
    std::vector<Block> blocks_{1};  // the file, and what is open in it
    Protocols limited_{};           // by `http`
    bool is_any_asked_ = false;
    core::Duration longest_{};
};

// Hands `take` every directive and `{`, its words in front, and `}`, without any, until it answers
// false. False, too: the text is broken.
template <class Take>
bool walk(std::string_view dump, Take take) {
    core::ConfigLexer lexer{dump};
    std::vector<std::string> words;
    while (true) {
        core::Token token = lexer.next();
        if (token.kind == TokenKind::kWord) {
            words.push_back(std::move(token.word));
            continue;
        }
        if (token.kind == TokenKind::kEnd || token.kind == TokenKind::kBroken) {
            return token.kind == TokenKind::kEnd && words.empty();
        }
        const bool is_lua = token.kind == TokenKind::kOpen && !words.empty() &&
                            words.front().ends_with("_by_lua_block");
        if (is_lua ? !lexer.skip_lua() : !take(token.kind, words)) {
            return false;
        }
        words.clear();
    }
}

}  // namespace

std::optional<core::Duration> nginx_patience(std::string_view dump, core::ServiceRole role) {
    Patience patience{role};
    const bool is_known = walk(dump, [&patience](TokenKind kind, const auto& words) {
        if (kind == TokenKind::kOpen) {
            patience.open(words.empty() ? "" : words.front());
        } else if (kind == TokenKind::kClose) {
            patience.close();
        } else {
            return patience.take(words);
        }
        return true;
    });
    return is_known ? std::optional{patience.longest()} : std::nullopt;
}

bool is_reload_cutting(std::string_view dump) {
    return !walk(dump, [](TokenKind /*kind*/, const auto& words) {
        return words.empty() || words.front() != "worker_shutdown_timeout";
    });
}

}  // namespace gatemend::sandbox
