// SPDX-License-Identifier: MIT
#include "core/suggestion.hpp"

#include "core/suggestions.hpp"

#include <utility>

namespace gatemend::core {

Suggestion nothing(Cause cause, std::string why) {
    Suggestion suggestion;
    suggestion.cause = cause;
    suggestion.text = std::move(why);
    return suggestion;
}

bool is_suggestible(Cause cause) {
    return cause == Cause::kPoolSaturated || cause == Cause::kSlowBackend ||
           cause == Cause::kHeaderTooBig || cause == Cause::kScriptFatal ||
           cause == Cause::kNginxFdLimit || cause == Cause::kOomKilled;
}

std::vector<Suggestion> suggest(const Findings& findings, Cause cause) {
    if (cause == Cause::kPoolSaturated) {
        return suggest_more_workers(findings);
    }
    if (cause == Cause::kSlowBackend) {
        return suggest_read_timeout(findings);
    }
    if (cause == Cause::kHeaderTooBig) {
        return suggest_buffers(findings);
    }
    if (cause == Cause::kScriptFatal) {
        return suggest_php_limits(findings);
    }
    if (cause == Cause::kNginxFdLimit) {
        return suggest_nginx_limits(findings);
    }
    return cause == Cause::kOomKilled ? suggest_after_oom(findings) : std::vector<Suggestion>{};
}

std::optional<Suggestion> suggest_listen(const Findings& findings) {
    if (findings.role != ServiceRole::kPhpFpm || !findings.backend.address.starts_with("unix:")) {
        return std::nullopt;
    }
    Suggestion suggestion;
    suggestion.cause = Cause::kSocketOwnership;
    suggestion.pool = findings.backend.pool;
    suggestion.socket = findings.backend.address;
    suggestion.text =
        "PHP-FPM makes the socket as its pool file says, and that shuts nginx out: from "
        "the next start of " +
        findings.unit_name + " on, whoever owns it now. " + findings.unit_name +
        " is restarted for this.";
    return suggestion;
}

std::map<std::string, std::string, std::less<>> remedy_of(const Suggestion& suggestion) {
    std::map<std::string, std::string, std::less<>> remedy;
    if (!suggestion.socket.empty()) {
        remedy["socket"] = suggestion.socket;
        return remedy;
    }
    std::size_t number = 0;
    for (const SuggestedSetting& setting : suggestion.settings) {
        ++number;
        const std::string suffix = number == 1 ? "" : std::to_string(number);
        remedy["setting" + suffix] = setting.name;
        remedy["value" + suffix] = setting.value;
    }
    if (!suggestion.settings.empty() && !suggestion.pool.empty()) {
        remedy["pool"] = suggestion.pool;
    }
    if (!suggestion.settings.empty() && !suggestion.backend.empty()) {
        remedy["backend"] = suggestion.backend;
    }
    return remedy;
}

std::string settings_words(const Suggestion& suggestion) {
    std::string words;
    for (const SuggestedSetting& setting : suggestion.settings) {
        words += (words.empty() ? "" : ", ") + setting.name + " = " + setting.value;
        words += setting.now.value.empty() ? "" : " (now " + setting.now.value + ")";
    }
    return words;
}

}  // namespace gatemend::core
