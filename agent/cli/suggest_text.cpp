// SPDX-License-Identifier: MIT
#include "cli/suggest.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace gatemend::cli {

namespace {

using Json = nlohmann::ordered_json;

std::string text(const Json& item, const char* key) {
    return item.value(key, std::string{});
}

std::string field(const std::string& name, const std::string& value) {
    constexpr std::size_t kColumn = 12;
    return value.empty()
               ? ""
               : "  " + name + std::string(kColumn - std::min(name.size(), kColumn), ' ') + value +
                     "\n";
}

std::string indented(std::string_view lines) {
    std::string out;
    while (!lines.empty()) {
        const std::size_t end = std::min(lines.find('\n'), lines.size());
        out.append("    ").append(lines.substr(0, end)).append("\n");
        lines.remove_prefix(std::min(end + 1, lines.size()));
    }
    return out;
}

std::string settings_lines(const Json& suggestion) {
    std::string out;
    for (const Json& setting : suggestion["settings"]) {
        const std::string now = text(setting, "now");
        const std::string where = text(setting, "where");
        out += field(out.empty() ? "suggest" : "and",
                     text(setting, "name") + " = " + text(setting, "value") +
                         (now.empty() ? "" : ", now " + now) +
                         (where.empty() ? "" : " (" + where + ")"));
    }
    return out;
}

std::string plan_lines(const Json& suggestion) {
    const std::string diff = text(suggestion, "diff");
    std::string out = diff.empty() ? "" : "  diff\n" + indented(diff);
    out += field("no diff", text(suggestion, "problem"));
    if (const std::string digest = text(suggestion, "digest"); !digest.empty()) {
        out += field("apply with", "gatemend apply " + digest);
    }
    return out;
}

std::string suggestion_text(const Json& suggestion) {
    const bool is_nothing = suggestion["settings"].empty() && text(suggestion, "digest").empty();
    const std::string cause = text(suggestion, "cause");
    const std::string merit = text(suggestion, "merit");
    std::string out;
    if (is_nothing) {
        out += "  nothing to suggest" + (cause.empty() ? "" : " against " + cause) + ": " +
               text(suggestion, "text") + "\n";
    } else {
        out += field("because", cause + (merit == "band-aid" ? " (a band-aid, not the fix)" : ""));
        out += settings_lines(suggestion) + field("", text(suggestion, "text"));
    }
    for (const Json& line : suggestion["arithmetic"]) {
        out += "    " + line.get<std::string>() + "\n";
    }
    return out + (is_nothing ? "" : field("then", text(suggestion, "next"))) +
           plan_lines(suggestion);
}

std::string place_text(const Json& place) {
    const std::string pool = text(place, "pool");
    std::string out = text(place, "unit") + (pool.empty() ? "" : ", pool " + pool) + ", " +
                      text(place, "address") + "\n";
    for (const Json& line : place["now"]) {
        out += field("now", line.get<std::string>());
    }
    for (const Json& suggestion : place["suggestions"]) {
        out += suggestion_text(suggestion);
    }
    return out;
}

}  // namespace

std::string suggest_text(const Json& document) {
    std::string out;
    for (const Json& problem : document["problems"]) {
        out += "problem: " + problem.get<std::string>() + "\n";
    }
    for (const Json& place : document["places"]) {
        out += (out.empty() ? "" : "\n") + place_text(place);
    }
    return out.empty() ? "nothing to suggest: no backend shows a fault that settings help against\n"
                       : out;
}

}  // namespace gatemend::cli
