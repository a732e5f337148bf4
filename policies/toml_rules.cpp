// SPDX-License-Identifier: MIT
// [[rule]] tables -> Rule. The language is described in policies/README.md.
#include "core/hold.hpp"
#include "core/text.hpp"
#include "policies/nearest.hpp"
#include "policies/toml_document.hpp"

#include <algorithm>

namespace gatemend::policy {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kMaxLadderSteps = 4;
constexpr std::size_t kMaxGivenLines = 64;
constexpr std::size_t kMaxRuleNameBytes = 64;

// The identifiers of a closed set of the core; one past the last is called "?" there.
template <class Enum>
std::vector<std::string_view> all_ids(std::string_view (*id_of)(Enum)) {
    std::vector<std::string_view> ids;
    for (int value = 0; id_of(static_cast<Enum>(value)) != "?"; ++value) {
        ids.push_back(id_of(static_cast<Enum>(value)));
    }
    return ids;
}

std::vector<std::string_view> all_acts() {
    std::vector<std::string_view> names;
    for (const actions::ActSpec& act : actions::catalogue()) {
        names.push_back(act.name);
    }
    return names;
}

// Names end up in plans, limits and the audit: nothing but a-z, 0-9 and "-".
bool is_rule_name(std::string_view name) {
    return !name.empty() && name.size() <= kMaxRuleNameBytes &&
           std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
}

// Reads one [[rule]].
class RuleReader {
  public:
    RuleReader(const toml::table& table, LoadedPolicy& out, Reporter& reporter)
        : reader_{table, "rule", reporter},
          out_{out},
          reporter_{reporter} {}

    void run() {
        rule_.origin = core::sanitize(reporter_.file()) + ":" +
                       std::to_string(std::max(1, reader_.position().line));
        name_at_ = mode_at_ = cause_at_ = reader_.position();
        read_name();
        read_when();
        if (const auto witnesses = reader_.integer("witnesses", {1, 6})) {
            rule_.witnesses = static_cast<std::uint32_t>(witnesses->value);
            witnesses_at_ = witnesses->at;
        }
        if (const auto mode = read_mode(reader_)) {
            rule_.mode = mode->value;
            mode_at_ = mode->at;
        }
        read_ladder();
        if (const toml::table* limit = reader_.table("limit")) {
            rule_.limit = read_limit(*limit, "limit", rule_.limit, reporter_);
        }
        read_verify();
        (void)reader_.word("on_failure", {"escalate"});  // what always happens, said aloud
        if (auto runbook = reader_.text("runbook")) {
            rule_.runbook = std::move(runbook->value);
        }
        read_tests();
        reader_.finish();
        check();
        if (!rule_.name.empty()) {
            out_.policy.rules.push_back(std::move(rule_));
        }
    }

  private:
    void read_name() {
        auto name = reader_.text("name");
        if (!name) {
            if (!reader_.has("name")) {
                reader_.report_missing("name");
            }
            return;
        }
        name_at_ = name->at;
        if (!is_rule_name(name->value)) {
            reporter_.error(name_at_,
                            "a rule's name is made of a-z, 0-9 and \"-\", at most " +
                                std::to_string(kMaxRuleNameBytes));
            return;
        }
        rule_.name = std::move(name->value);
    }

    void read_when() {
        const toml::table* table = reader_.table("when");
        if (table == nullptr) {
            if (!reader_.has("when")) {
                reader_.report_missing("when");
            }
            return;
        }
        TableReader when{*table, "when", reporter_};
        if (const auto word = when.word("cause", all_ids(core::cause_id))) {
            rule_.match.cause = static_cast<core::Cause>(word->value);
            cause_at_ = word->at;
            has_cause_ = true;
        } else if (!when.has("cause")) {
            when.report_missing("cause");
        }
        when.finish();
    }

    void read_ladder() {
        const toml::array* ladder = reader_.array("ladder");
        has_ladder_ = reader_.has("ladder") && (ladder == nullptr || !ladder->empty());
        if (ladder == nullptr) {
            return;
        }
        if (ladder->size() > kMaxLadderSteps) {
            reporter_.error(position_of(*ladder),
                            "a ladder has at most " + std::to_string(kMaxLadderSteps) +
                                " steps, not " + std::to_string(ladder->size()));
            return;
        }
        for (const toml::node& element : *ladder) {
            if (const toml::table* step = element.as_table()) {
                read_step(*step);
            } else {
                reporter_.error(
                    position_of(element),
                    "a step of the ladder must be a table, not " + std::string{type_name(element)},
                    "like { act = \"start-unit\", within = \"10s\" }");
            }
        }
    }

    void read_step(const toml::table& table) {
        TableReader reader{table, "ladder step", reporter_};
        const auto act = reader.word("act", all_acts());
        if (!act && !reader.has("act")) {
            reader.report_missing("act");
        }
        if (act) {
            const actions::ActSpec& spec = actions::catalogue()[act->value];
            LadderStep step{spec.id, spec.timeout};
            if (const auto within = reader.duration("within", {milliseconds{100}, spec.timeout})) {
                step.within = within->value;
            }
            rule_.ladder.push_back(step);
        } else {
            (void)reader.duration("within", {milliseconds{100}, hours{1}});
        }
        reader.finish();
    }

    void read_verify() {
        const toml::table* table = reader_.table("verify");
        if (table == nullptr) {
            return;
        }
        TableReader reader{*table, "verify", reporter_};
        (void)reader.word("probe", {"backend"});  // the only one there is, said aloud
        if (const auto within = reader.duration("within", {milliseconds{100}, minutes{5}})) {
            rule_.verify.within = within->value;
        }
        if (const auto soak = reader.duration("soak", {seconds{1}, hours{1}})) {
            rule_.verify.soak = soak->value;
        }
        reader.finish();
    }

    void read_tests() {
        for (const toml::table* table : reader_.tables("test")) {
            TableReader reader{*table, "rule.test", reporter_};
            RuleTest test;
            test.line = reader.position().line;
            read_given(reader, test);
            if (auto expect = reader.text("expect")) {
                check_expect(*expect);
                test.expect = std::move(expect->value);
            } else if (!reader.has("expect")) {
                reader.report_missing("expect");
            }
            reader.finish();
            rule_.tests.push_back(std::move(test));
        }
    }

    void read_given(TableReader& reader, RuleTest& test) {
        const toml::array* given = reader.array("given");
        if (given == nullptr || given->empty() || given->size() > kMaxGivenLines) {
            if (!reader.has("given")) {
                reader.report_missing("given");
            } else if (given != nullptr) {
                reporter_.error(position_of(*given),
                                "\"given\" must hold 1 to " + std::to_string(kMaxGivenLines) +
                                    " events, not " + std::to_string(given->size()));
            }
            return;
        }
        for (const toml::node& element : *given) {
            if (auto line = read_string(element, "an event", reporter_)) {
                test.given.push_back(std::move(*line));
            }
        }
    }

    // "act ACT UNIT" | "ask ACT UNIT" | "hold KIND" | "observe"
    void check_expect(const Found<std::string>& expect) {
        std::vector<std::string_view> words;
        for (std::string_view rest = expect.value; !rest.empty();) {
            const std::size_t end = std::min(rest.find(' '), rest.size());
            words.push_back(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        const std::string_view verb = words.empty() ? "" : words[0];
        const auto refuse = [&](std::string_view wanted, std::string hint) {
            reporter_.error(
                expect.at,
                "\"expect\" must be " + std::string{wanted} + ", not \"" + expect.value + "\"",
                std::move(hint));
        };
        if (verb == "observe" && words.size() == 1) {
            return;
        }
        if (verb == "hold" && words.size() == 2) {
            if (!core::hold_kind_from_id(words[1])) {
                refuse("a known hold", suggest(words[1], all_ids(core::hold_kind_id)));
            }
        } else if ((verb == "act" || verb == "ask") && words.size() == 3) {
            if (!actions::act_from_name(words[1])) {
                refuse("a known act", suggest(words[1], all_acts()));
            } else if (!actions::is_unit_name(words[2])) {
                refuse("about a service", "");
            }
        } else {
            refuse("\"act ACT UNIT\", \"ask ACT UNIT\", \"hold KIND\" or \"observe\"", "");
        }
    }

    void check() {
        if (rule_.mode != Mode::kObserve) {
            check_acting();
        }
        for (const Rule& other : out_.policy.rules) {
            if (!rule_.name.empty() && other.name == rule_.name) {
                reporter_.error(
                    name_at_,
                    "a rule is already called \"" + rule_.name + "\" (" + other.origin + ")");
                return;
            }
        }
        const Rule* earlier = nullptr;
        for (const Rule& other : out_.policy.rules) {
            if (earlier == nullptr && has_cause_ && other.match.cause == rule_.match.cause) {
                earlier = &other;
            }
        }
        if (earlier != nullptr) {
            reporter_.warning(cause_at_,
                              "this rule never decides: \"" + earlier->name + "\" (" +
                                  earlier->origin + ") comes first for the same cause");
        }
        if (!reader_.has("test")) {
            reporter_.warning(name_at_,
                              "rule \"" + rule_.name + "\" has no [[rule.test]]",
                              "what should it do, given which events?");
        }
    }

    // What a rule must have before it may touch anything.
    void check_acting() {
        if (!has_ladder_) {
            reporter_.error(mode_at_,
                            "mode \"" + std::string{mode_id(rule_.mode)} + "\" needs a ladder",
                            "like ladder = [ { act = \"start-unit\", within = \"10s\" } ]");
        }
        const bool is_disruptive = std::ranges::any_of(rule_.ladder, [](const LadderStep& step) {
            return actions::spec(step.act).risk != actions::Risk::kNone;
        });
        if (is_disruptive && rule_.witnesses < 2) {
            reporter_.error(witnesses_at_,
                            "an act that can interrupt requests needs at least 2 witnesses");
        }
    }

    TableReader reader_;
    LoadedPolicy& out_;
    Reporter& reporter_;
    Rule rule_;
    Position name_at_;
    Position mode_at_;
    Position cause_at_;
    Position witnesses_at_;
    bool has_cause_ = false;
    bool has_ladder_ = false;  // one is written down, right or wrong
};

}  // namespace

void add_rules(std::string_view text, const std::string& file, LoadedPolicy& out) {
    Reporter reporter{text, file, out};
    out.files.push_back(file);
    if (const auto document = parse_document(text, reporter)) {
        TableReader top{*document, "a rules file", reporter};
        for (const toml::table* table : top.tables("rule")) {
            RuleReader{*table, out, reporter}.run();
        }
        top.finish();
    }
    reporter.sort_by_position();
}

}  // namespace gatemend::policy
