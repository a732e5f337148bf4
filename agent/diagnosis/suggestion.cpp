// SPDX-License-Identifier: MIT
#include "diagnosis/suggestion.hpp"

#include "diagnosis/suggestions.hpp"

#include <utility>

namespace gatemend::diagnosis {

Suggestion nothing(core::Cause cause, std::string why) {
    Suggestion suggestion;
    suggestion.cause = cause;
    suggestion.text = std::move(why);
    return suggestion;
}

bool is_suggestible(core::Cause cause) {
    return cause == core::Cause::kPoolSaturated || cause == core::Cause::kSlowBackend ||
           cause == core::Cause::kHeaderTooBig || cause == core::Cause::kScriptFatal ||
           cause == core::Cause::kNginxFdLimit || cause == core::Cause::kOomKilled;
}

std::vector<Suggestion> suggest(const Findings& findings, core::Cause cause) {
    if (cause == core::Cause::kPoolSaturated) {
        return suggest_more_workers(findings);
    }
    if (cause == core::Cause::kSlowBackend) {
        return suggest_read_timeout(findings);
    }
    if (cause == core::Cause::kHeaderTooBig) {
        return suggest_buffers(findings);
    }
    if (cause == core::Cause::kScriptFatal) {
        return suggest_php_limits(findings);
    }
    if (cause == core::Cause::kNginxFdLimit) {
        return suggest_nginx_limits(findings);
    }
    return cause == core::Cause::kOomKilled ? suggest_after_oom(findings)
                                            : std::vector<Suggestion>{};
}

std::optional<Suggestion> suggest_listen(const Findings& findings) {
    if (findings.role != core::ServiceRole::kPhpFpm ||
        !findings.backend.address.starts_with("unix:")) {
        return std::nullopt;
    }
    Suggestion suggestion;
    suggestion.cause = core::Cause::kSocketOwnership;
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

}  // namespace gatemend::diagnosis
