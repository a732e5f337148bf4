// SPDX-License-Identifier: MIT
// Suggestion: a durable fix as settings with their values, and the arithmetic that led there. Made
// by the judges (a diagnosis's remedy), by `gatemend suggest` and by tests. Pure. Values come from
// configuration and from the look at the machine; of a record only a limit that PHP names counts,
// and it only picks a step of a fixed ladder. What was not measured is named, never guessed.
#pragma once

#include "diagnosis/diagnosis.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::diagnosis {

struct SuggestedSetting {
    std::string name;  // as its file spells it: "pm.max_children"
    std::string value;
    core::ConfigLine now{};  // empty where not known

    friend bool operator==(const SuggestedSetting&, const SuggestedSetting&) = default;
};

enum class Merit {
    kFix,
    kBandAid,  // visitors get their answer, what is wrong stays
};

struct Suggestion {
    core::Cause cause{};
    // Of one place. Empty, unless there is a `socket`: nothing, and `text` says why.
    std::vector<SuggestedSetting> settings;
    std::string pool{};     // of an FPM pool's settings
    std::string backend{};  // of nginx's settings where this address is named
    std::string socket{};   // whose pool file is to let nginx in
    Merit merit = Merit::kFix;
    std::string text;                     // what for; or why nothing
    std::vector<std::string> arithmetic;  // line by line, for people
    std::string next{};                   // what to measure next

    friend bool operator==(const Suggestion&, const Suggestion&) = default;
};

inline constexpr std::size_t kMaxSuggestedSettings = 4;

// Best first. Empty: settings do not help against this cause.
[[nodiscard]] std::vector<Suggestion> suggest(const Findings& findings, core::Cause cause);

// What the pool file says of its socket's owner, group and mode holds from PHP-FPM's next start on,
// whatever the socket is now. Only the plan shows whether anything is to be changed. nullopt: no
// pool with a socket file.
[[nodiscard]] std::optional<Suggestion> suggest_listen(const Findings& findings);

// The causes that settings help against.
[[nodiscard]] bool is_suggestible(core::Cause cause);

// By the parameter names of apply-suggestion: "setting", "value", "setting2" ... "pool", "backend";
// or of set-pool-listen: "socket".
[[nodiscard]] std::map<std::string, std::string, std::less<>> remedy_of(
    const Suggestion& suggestion);

// "pm.max_children = 8 (now 5), pm.start_servers = 2"
[[nodiscard]] std::string settings_words(const Suggestion& suggestion);

}  // namespace gatemend::diagnosis
