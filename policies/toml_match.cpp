// SPDX-License-Identifier: MIT
// When a rule is the one that decides, and when it may act.
#include "core/text.hpp"
#include "policies/client_words.hpp"
#include "policies/nearest.hpp"
#include "policies/toml_parts.hpp"
#include "policies/toml_zone.hpp"

#include <algorithm>
#include <array>

namespace gatemend::policy {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr std::size_t kMaxPatternBytes = 200;
constexpr std::size_t kMaxWindows = 8;
constexpr std::size_t kMaxNeeds = 8;
constexpr std::int64_t kMaxTimes = 100;
constexpr std::array<std::string_view, 7> kDays{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr std::uint32_t kMinutesPerDay = 24 * 60;

bool is_wildcard(char c) {
    return c == '*' || c == '?';
}

// A pattern is a unit's name once its wildcards stand for something.
bool is_unit_pattern(std::string pattern) {
    std::ranges::replace_if(pattern, is_wildcard, 'x');
    return actions::is_unit_name(pattern);
}

bool is_address_pattern(std::string_view pattern) {
    return !pattern.empty() && pattern.size() <= kMaxPatternBytes &&
           std::ranges::all_of(pattern, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view{"/_.@+:-[]*?"}.find(c) != std::string_view::npos;
           });
}

std::string read_unit_pattern(TableReader& when, Reporter& reporter) {
    auto unit = when.text("unit");
    if (!unit || refuse_placeholder(unit->value, unit->at, reporter)) {
        return "";
    }
    if (!is_unit_pattern(unit->value)) {
        reporter.error(unit->at,
                       "\"" + unit->value + "\" is no service name or pattern",
                       "like \"php*-fpm.service\"");
        return "";
    }
    return std::move(unit->value);
}

std::string read_backend_pattern(TableReader& when, Reporter& reporter) {
    auto backend = when.text("backend");
    if (!backend || refuse_placeholder(backend->value, backend->at, reporter)) {
        return "";
    }
    if (!is_address_pattern(backend->value)) {
        reporter.error(backend->at,
                       "\"" + backend->value + "\" is no backend address or pattern",
                       "like \"unix:/run/php/*.sock\" or \"127.0.0.1:*\"");
        return "";
    }
    return std::move(backend->value);
}

// A share of one, kept in thousandths.
std::uint32_t read_confidence(TableReader& when, Reporter& reporter) {
    const toml::node* node = when.any("confidence");
    const auto value = node == nullptr ? std::nullopt : node->value<double>();
    if (node == nullptr) {
        return 0;
    }
    if (!node->is_number() || !value || !(*value >= 0.0 && *value <= 1.0)) {
        reporter.error(position_of(*node), "\"confidence\" must be a number from 0 to 1");
        return 0;
    }
    constexpr double kPermille = 1000.0;
    constexpr double kHalf = 0.5;
    return static_cast<std::uint32_t>(*value * kPermille + kHalf);
}

void read_repetition(TableReader& when, Match& match, Reporter& reporter) {
    if (const auto times = when.integer("times", {2, kMaxTimes})) {
        match.times = static_cast<std::uint32_t>(times->value);
    }
    if (const auto within = when.duration("within", {seconds{1}, hours{24}})) {
        match.within = within->value;
    }
    if (when.has("times") != when.has("within")) {
        reporter.error(when.position(),
                       "\"times\" and \"within\" belong together",
                       "like when = { cause = \"backend-hung\", times = 3, within = \"5m\" }");
    }
}

std::optional<std::uint32_t> parse_minute(std::string_view text) {
    constexpr std::size_t kLength = 5;  // "08:00"
    const auto digit = [text](std::size_t at) {
        return static_cast<std::uint32_t>(text[at] - '0');
    };
    if (text.size() != kLength || text[2] != ':') {
        return std::nullopt;
    }
    for (const std::size_t at : {0U, 1U, 3U, 4U}) {
        if (text[at] < '0' || text[at] > '9') {
            return std::nullopt;
        }
    }
    const std::uint32_t minute = digit(3) * 10 + digit(4);
    const std::uint32_t minutes = (digit(0) * 10 + digit(1)) * 60 + minute;
    return minute < 60 && minutes <= kMinutesPerDay ? std::optional{minutes} : std::nullopt;
}

// One of [[rule]]'s `windows`.
class WindowReader {
  public:
    WindowReader(const toml::table& table, Reporter& reporter)
        : reader_{table, "window", reporter},
          reporter_{reporter} {}

    TimeWindow run() {
        if (const auto days = reader_.text("days")) {
            read_days(*days);
        }
        window_.from = read_minute("from");
        window_.until = read_minute("until");
        if (has_minutes_ && window_.from == window_.until) {
            reporter_.error(reader_.position(),
                            "this window never opens: \"from\" is \"until\"",
                            "a whole day is from = \"00:00\", until = \"24:00\"");
        } else if (has_minutes_ && window_.from == kMinutesPerDay) {
            reporter_.error(reader_.position(), "a day ends at 24:00: nothing opens then");
        }
        read_zone_of_window();
        reader_.finish();
        return window_;
    }

  private:
    std::uint32_t read_minute(std::string_view key) {
        const auto text = reader_.text(key);
        const auto minute = text ? parse_minute(text->value) : std::nullopt;
        has_minutes_ = has_minutes_ && minute.has_value();
        if (!reader_.has(key)) {
            reader_.report_missing(key);
        } else if (text && !minute) {
            reporter_.error(
                text->at,
                "\"" + std::string{key} + "\" must be a time of day, not \"" + text->value + "\"",
                "like \"08:00\" or \"24:00\"");
        }
        return minute.value_or(0);
    }

    // "mon-fri", "sat,sun", "fri-mon"
    void read_days(const Found<std::string>& days) {
        window_.days = 0;
        for (std::string_view rest = days.value; !rest.empty();) {
            const std::string_view part = rest.substr(0, rest.find(','));
            rest.remove_prefix(std::min(rest.size(), part.size() + 1));
            if (!add_days(part, days.at)) {
                return;
            }
        }
        if (window_.days == 0) {
            reporter_.error(days.at, "this window never opens: it has no days");
        }
    }

    bool add_days(std::string_view part, Position at) {
        while (part.starts_with(' ')) {
            part.remove_prefix(1);
        }
        const std::size_t dash = part.find('-');
        const auto first = find_day(part.substr(0, dash), at);
        const auto last =
            dash == std::string_view::npos ? first : find_day(part.substr(dash + 1), at);
        if (!first || !last) {
            return false;
        }
        for (std::size_t day = *first;; day = (day + 1) % kDays.size()) {
            window_.days |= 1U << day;
            if (day == *last) {
                return true;
            }
        }
    }

    std::optional<std::size_t> find_day(std::string_view word, Position at) {
        const auto* found = std::ranges::find(kDays, word);
        if (found == kDays.end()) {
            std::string hint = suggest(word, kDays);
            reporter_.error(at,
                            "\"" + core::sanitize(word) + "\" is no day of the week",
                            hint.empty() ? "like \"mon-fri\" or \"sat,sun\"" : std::move(hint));
            return std::nullopt;
        }
        return static_cast<std::size_t>(found - kDays.begin());
    }

    void read_zone_of_window() {
        const auto zone = reader_.text("zone");
        if (!zone) {
            return;
        }
        auto offsets = read_zone(zone->value);
        if (!offsets) {
            reporter_.error(zone->at,
                            "time zone \"" + zone->value + "\": " + offsets.error().text,
                            suggest_zone(zone->value));
            return;
        }
        window_.zone = zone->value;
        window_.offsets = std::move(*offsets);
    }

    TableReader reader_;
    Reporter& reporter_;
    TimeWindow window_;
    bool has_minutes_ = true;
};

}  // namespace

std::optional<Match> read_match(const toml::table& table, Reporter& reporter) {
    TableReader when{table, "when", reporter, "when."};
    Match match;
    const auto cause = when.word("cause", all_ids(core::cause_id));
    if (!cause && !when.has("cause")) {
        when.report_missing("cause");
    }
    match.unit = read_unit_pattern(when, reporter);
    match.backend = read_backend_pattern(when, reporter);
    match.min_confidence_permille = read_confidence(when, reporter);
    if (const auto lasting = when.duration("lasting", {seconds{1}, hours{24}})) {
        match.lasting = lasting->value;
    }
    read_repetition(when, match, reporter);
    when.finish();
    if (!cause) {
        return std::nullopt;
    }
    match.cause = static_cast<core::Cause>(cause->value);
    return match;
}

std::vector<TimeWindow> read_windows(const toml::array& windows, Reporter& reporter) {
    std::vector<TimeWindow> read;
    if (windows.empty() || windows.size() > kMaxWindows) {
        reporter.error(position_of(windows),
                       "\"windows\" must hold 1 to " + std::to_string(kMaxWindows) +
                           " windows, not " + std::to_string(windows.size()),
                       windows.empty() ? "without \"windows\" the rule may act at any time" : "");
        return read;
    }
    for (const toml::node& element : windows) {
        if (const toml::table* table = element.as_table()) {
            read.push_back(WindowReader{*table, reporter}.run());
        } else {
            reporter.error(position_of(element),
                           "a window must be a table, not " + std::string{type_name(element)},
                           "like { days = \"mon-fri\", from = \"08:00\", until = \"18:00\" }");
        }
    }
    return read;
}

std::vector<std::string> read_needs(const toml::array& needs, Reporter& reporter) {
    std::vector<std::string> units;
    if (needs.size() > kMaxNeeds) {
        reporter.error(position_of(needs),
                       "\"needs\" holds at most " + std::to_string(kMaxNeeds) + " units, not " +
                           std::to_string(needs.size()));
        return units;
    }
    for (const toml::node& element : needs) {
        auto unit = read_string(element, "a unit", reporter);
        if (!unit || refuse_placeholder(*unit, position_of(element), reporter)) {
            continue;
        }
        if (actions::is_unit_name(*unit)) {
            units.push_back(std::move(*unit));
        } else {
            reporter.error(position_of(element),
                           "\"" + *unit + "\" is no service name",
                           "like \"postgresql.service\"");
        }
    }
    return units;
}

std::vector<core::Objection> read_unless(const toml::array& unless, Reporter& reporter) {
    const std::vector<std::string_view> known = all_ids(core::objection_id);
    std::vector<core::Objection> objections;
    for (const toml::node& element : unless) {
        const auto word = read_string(element, "evidence", reporter);
        if (!word || refuse_placeholder(*word, position_of(element), reporter)) {
            continue;
        }
        const auto objection = core::objection_from_id(*word);
        const bool is_twice =
            objection && std::ranges::find(objections, *objection) != objections.end();
        if (!objection) {
            std::string hint = suggest(*word, known);
            reporter.error(position_of(element),
                           "\"" + *word + "\" is no evidence that an act could be held back for",
                           hint.empty() ? "known here: " + list_words(known) : std::move(hint));
        } else if (is_twice) {
            reporter.error(position_of(element), "\"" + *word + "\" is there already");
        } else {
            objections.push_back(*objection);
        }
    }
    return objections;
}

}  // namespace gatemend::policy
