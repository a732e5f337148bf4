// SPDX-License-Identifier: MIT
// [[rule]] tables -> Rule. The language is described in policies/README.md.
#include "core/text.hpp"
#include "policies/review.hpp"
#include "policies/toml_document.hpp"
#include "policies/toml_parts.hpp"

#include <algorithm>

namespace gatemend::policy {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kMaxRuleNameBytes = 64;

// Names end up in plans, limits and the audit: nothing but a-z, 0-9 and "-".
bool is_rule_name(std::string_view name) {
    return !name.empty() && name.size() <= kMaxRuleNameBytes &&
           std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
}

bool leaves_something(const LadderStep& step) {
    const actions::Trace trace = actions::spec(step.act).trace;
    return trace == actions::Trace::kProvisional || trace == actions::Trace::kTimed;
}

// Reads one [[rule]].
class RuleReader {
  public:
    RuleReader(const toml::table& table, LoadedPolicy& out, Reporter& reporter)
        : reader_{table, "rule", reporter, ""},
          out_{out},
          reporter_{reporter} {}

    void run(const Source& source) {
        rule_.origin = core::sanitize(reporter_.file()) + ":" +
                       std::to_string(std::max(1, reader_.position().line));
        read_name();
        read_when();
        if (const auto witnesses = reader_.integer("witnesses", {1, 6})) {
            rule_.witnesses = static_cast<std::uint32_t>(witnesses->value);
        }
        if (const auto mode = read_mode(reader_)) {
            rule_.mode = mode->value;
        }
        read_acts();
        if (const toml::table* limit = reader_.table("limit")) {
            rule_.limit = read_limit(*limit, "limit", rule_.limit, reporter_);
        }
        read_verify();
        read_on_failure();
        read_conditions();
        if (auto runbook = reader_.text("runbook")) {
            rule_.runbook = std::move(runbook->value);
        }
        for (const toml::table* test : reader_.tables("test")) {
            rule_.tests.push_back(read_rule_test(*test, reporter_));
        }
        reader_.finish();
        check();
        review_and_keep(source);
    }

  private:
    // Where a key stands; the rule itself where it does not have it.
    [[nodiscard]] Position at(std::string_view key) const {
        return reporter_.find(key).value_or(reader_.position());
    }

    void read_name() {
        auto name = reader_.text("name");
        if (!name) {
            if (!reader_.has("name")) {
                reader_.report_missing("name");
            }
            return;
        }
        if (!is_rule_name(name->value)) {
            reporter_.error(name->at,
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
        if (auto match = read_match(*table, reporter_)) {
            rule_.match = std::move(*match);
            has_cause_ = true;
        }
    }

    void read_acts() {
        const toml::array* ladder = reader_.array("ladder");
        has_ladder_ = reader_.has("ladder") && (ladder == nullptr || !ladder->empty());
        if (ladder != nullptr) {
            rule_.ladder = read_steps(*ladder, "ladder", reporter_);
        }
        if (const toml::array* offers = reader_.array("suggest")) {
            rule_.offers = read_steps(*offers, "suggest", reporter_);
        }
    }

    void read_verify() {
        const toml::table* table = reader_.table("verify");
        if (table == nullptr) {
            return;
        }
        TableReader reader{*table, "verify", reporter_, "verify."};
        (void)reader.word("probe", {"backend"});  // the only one there is, said aloud
        if (const auto within = reader.duration("within", {milliseconds{100}, minutes{5}})) {
            rule_.verify.within = within->value;
        }
        if (const auto soak = reader.duration("soak", {seconds{1}, hours{1}})) {
            rule_.verify.soak = soak->value;
        }
        reader.finish();
    }

    void read_on_failure() {
        constexpr OnFailure kWays[] = {
            OnFailure::kEscalate, OnFailure::kRollBack, OnFailure::kObserve};
        std::vector<std::string_view> words;
        for (const OnFailure way : kWays) {
            words.push_back(on_failure_id(way));
        }
        const auto found = reader_.word("on_failure", words);
        if (!found) {
            return;
        }
        rule_.on_failure = kWays[found->value];
        const bool can_undo = std::ranges::any_of(rule_.ladder, leaves_something) ||
                              std::ranges::any_of(rule_.offers, leaves_something);
        if (rule_.on_failure == OnFailure::kRollBack && !can_undo) {
            reporter_.warning(found->at, "no act of this rule leaves anything to roll back");
        }
    }

    void read_conditions() {
        if (const toml::array* windows = reader_.array("windows")) {
            rule_.windows = read_windows(*windows, reporter_);
        }
        if (const auto revive = reader_.boolean("revive_stopped")) {
            rule_.is_reviving_stopped = revive->value;
            if (revive->value && has_cause_ && rule_.match.cause != core::Cause::kUnitStopped) {
                reporter_.error(revive->at,
                                "\"revive_stopped\" belongs to the cause \"unit-stopped\"");
            }
        }
        if (const toml::array* needs = reader_.array("needs")) {
            rule_.needs = read_needs(*needs, reporter_);
        }
        if (const toml::array* unless = reader_.array("unless")) {
            rule_.unless = read_unless(*unless, reporter_);
        }
    }

    void check() {
        if (rule_.mode != Mode::kObserve) {
            check_acting();
        }
        for (const LadderStep& offer : rule_.offers) {
            if (std::ranges::find(rule_.ladder, offer.act, &LadderStep::act) !=
                rule_.ladder.end()) {
                reporter_.error(
                    at("suggest"),
                    std::string{actions::spec(offer.act).name} + " is a step of the ladder already",
                    "\"suggest\" is for acts beside it");
            }
        }
        for (const Rule& other : out_.policy.rules) {
            if (!rule_.name.empty() && other.name == rule_.name) {
                reporter_.error(
                    at("name"),
                    "a rule is already called \"" + rule_.name + "\" (" + other.origin + ")");
            }
        }
    }

    // What a rule must have before it may touch anything.
    void check_acting() {
        if (!has_ladder_) {
            reporter_.error(at("mode"),
                            "mode \"" + std::string{mode_id(rule_.mode)} + "\" needs a ladder",
                            "like ladder = [ { act = \"start-unit\", within = \"10s\" } ]");
        }
        const bool is_disruptive = std::ranges::any_of(rule_.ladder, [](const LadderStep& step) {
            return actions::spec(step.act).risk != actions::Risk::kNone;
        });
        if (is_disruptive && rule_.witnesses < 2) {
            reporter_.error(at("witnesses"),
                            "an act that can interrupt requests needs at least 2 witnesses");
        }
    }

    void review_and_keep(const Source& source) {
        if (has_cause_ && source.reviewer != nullptr) {
            const bool has_limit = reporter_.find("limit").has_value();
            for (Remark& remark : source.reviewer({rule_, out_.policy, source.author, has_limit})) {
                reporter_.warning(
                    at(remark.key), std::move(remark.text), std::move(remark.suggestion));
            }
        }
        Places places = reporter_.take_places();
        if (!rule_.name.empty()) {
            out_.rule_places.emplace(rule_.name, std::move(places));
            out_.policy.rules.push_back(std::move(rule_));
        }
    }

    TableReader reader_;
    LoadedPolicy& out_;
    Reporter& reporter_;
    Rule rule_;
    bool has_cause_ = false;
    bool has_ladder_ = false;  // one is written down, right or wrong
};

}  // namespace

void add_rules(const Source& source, LoadedPolicy& out) {
    Reporter reporter{source.text, source.file, out};
    out.files.push_back(source.file);
    if (const auto document = parse_document(source.text, reporter)) {
        TableReader top{*document, "a rules file", reporter};
        for (const toml::table* table : top.tables("rule")) {
            RuleReader{*table, out, reporter}.run(source);
        }
        top.finish();
    }
    reporter.sort_by_position();
}

}  // namespace gatemend::policy
