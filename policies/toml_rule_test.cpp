// SPDX-License-Identifier: MIT
// [[rule.test]]: what a rule should do, given which events. The events themselves are understood by
// the engine, which runs the test; here their number is bounded and the expectation checked.
#include "core/hold.hpp"
#include "core/text.hpp"
#include "policies/nearest.hpp"
#include "policies/toml_parts.hpp"

#include <algorithm>

namespace gatemend::policy {
namespace {

constexpr std::size_t kMaxGivenLines = 64;

std::vector<std::string> read_given(TableReader& reader, Reporter& reporter) {
    std::vector<std::string> lines;
    const toml::array* given = reader.array("given");
    if (given == nullptr || given->empty() || given->size() > kMaxGivenLines) {
        if (!reader.has("given")) {
            reader.report_missing("given");
        } else if (given != nullptr) {
            reporter.error(position_of(*given),
                           "\"given\" must hold 1 to " + std::to_string(kMaxGivenLines) +
                               " events, not " + std::to_string(given->size()));
        }
        return lines;
    }
    for (const toml::node& element : *given) {
        if (auto line = read_string(element, "an event", reporter)) {
            lines.push_back(std::move(*line));
        }
    }
    return lines;
}

std::vector<std::string_view> split_words(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        words.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

// "act ACT UNIT" | "ask ACT UNIT" | "offer ACT UNIT" | "hold KIND" | "observe"
void check_expect(const Found<std::string>& expect, Reporter& reporter) {
    const auto words = split_words(expect.value);
    const std::string_view verb = words.empty() ? "" : words[0];
    const auto refuse = [&](std::string_view wanted, std::string hint) {
        reporter.error(
            expect.at,
            "\"expect\" must be " + std::string{wanted} + ", not \"" + expect.value + "\"",
            std::move(hint));
    };
    const bool is_act = verb == "act" || verb == "ask" || verb == "offer";
    if (verb == "observe" && words.size() == 1) {
        return;
    }
    if (verb == "hold" && words.size() == 2) {
        if (!core::hold_kind_from_id(words[1])) {
            refuse("a known hold", suggest(words[1], all_ids(core::hold_kind_id)));
        }
    } else if (is_act && words.size() == 3) {
        if (!actions::act_from_name(words[1])) {
            refuse("a known act", suggest(words[1], all_acts()));
        } else if (!actions::is_unit_name(words[2])) {
            refuse("about a service", "");
        }
    } else {
        refuse(
            "\"act ACT UNIT\", \"ask ACT UNIT\", \"offer ACT UNIT\", \"hold KIND\" or \"observe\"",
            "");
    }
}

}  // namespace

RuleTest read_rule_test(const toml::table& table, Reporter& reporter) {
    TableReader reader{table, "rule.test", reporter};
    RuleTest test;
    test.line = reader.position().line;
    test.given = read_given(reader, reporter);
    if (auto expect = reader.text("expect")) {
        check_expect(*expect, reporter);
        test.expect = std::move(expect->value);
    } else if (!reader.has("expect")) {
        reader.report_missing("expect");
    }
    reader.finish();
    return test;
}

}  // namespace gatemend::policy
