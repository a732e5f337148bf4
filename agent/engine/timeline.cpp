// SPDX-License-Identifier: MIT
#include "engine/timeline.hpp"

#include "engine/event_text.hpp"
#include "engine/tokens.hpp"

#include <algorithm>
#include <charconv>

namespace gatemend::engine {

namespace {

// "+250ms", "+30s", "+15m"
std::optional<core::Duration> parse_offset(std::string_view word) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(word.data() + 1, word.data() + word.size(), number);
    const std::string_view unit{end, static_cast<std::size_t>(word.data() + word.size() - end)};
    constexpr std::int64_t kMost = 1'000'000'000;
    if (error != std::errc{} || number < 0 || number > kMost) {
        return std::nullopt;
    }
    if (unit == "ms") {
        return std::chrono::milliseconds{number};
    }
    if (unit == "s") {
        return std::chrono::seconds{number};
    }
    return unit == "m" ? std::optional<core::Duration>{std::chrono::minutes{number}} : std::nullopt;
}

// The time of a line and the event text that follows.
core::Result<core::TimePoint> take_time(std::string_view& line, core::TimePoint now) {
    Tokens tokens{line};
    const std::string_view word = tokens.next().value_or("");
    if (word.starts_with('+')) {
        const auto offset = parse_offset(word);
        if (!offset) {
            return core::Error{"'" + std::string{word} +
                               "' is no offset such as +250ms, +30s or +15m"};
        }
        line = tokens.rest();
        return now + *offset;
    }
    if (!word.empty() && word.front() >= '0' && word.front() <= '9') {
        const auto time = core::parse_time(word);
        if (!time) {
            return core::Error{"'" + std::string{word} +
                               "' is no time such as 2026-11-21T14:00:00Z"};
        }
        line = tokens.rest();
        return *time;
    }
    return now;
}

struct Seen {
    std::uint64_t incident = 0;  // the one that was decided about last
    std::string act;             // "act start-unit php8.2-fpm.service"
    std::string decision;        // "observe", "hold", "ask repoint-backend nginx.service"
    std::vector<core::Hold> holds;
    std::vector<std::string> offers;  // "offer apply-suggestion php8.2-fpm.service"
};

std::string act_words(std::string_view verb, actions::ActId act, const std::string& unit) {
    return std::string{verb} + " " + std::string{actions::spec(act).name} + " " + unit;
}

void see_decision(const policy::Decision& decision, Seen& seen) {
    seen.decision = policy::decision_kind_id(decision.kind);
    if (decision.kind == policy::DecisionKind::kAsk) {
        seen.decision = act_words("ask", decision.step->act, decision.target);
    }
    seen.holds = decision.holds;
    seen.offers.clear();
    for (const policy::Offer& offer : decision.offers) {
        seen.offers.push_back(act_words("offer", offer.step.act, offer.target));
    }
}

bool meets(const Seen& seen, const std::string& expect) {
    if (expect.starts_with("act ")) {
        return seen.act == expect;
    }
    if (expect.starts_with("offer ")) {
        return std::find(seen.offers.begin(), seen.offers.end(), expect) != seen.offers.end();
    }
    if (expect.starts_with("hold ")) {
        for (const core::Hold& hold : seen.holds) {
            if (core::hold_kind_id(hold.kind) == expect.substr(5)) {
                return seen.act.empty();
            }
        }
        return false;
    }
    return expect == seen.decision && seen.act.empty();
}

std::string what_came(const Seen& seen) {
    std::string text = !seen.act.empty()       ? seen.act
                       : seen.decision.empty() ? "no decision"
                                               : seen.decision;
    for (const core::Hold& hold : seen.holds) {
        text += ", hold " + std::string{core::hold_kind_id(hold.kind)};
    }
    for (const std::string& offer : seen.offers) {
        text += ", " + offer;
    }
    return text;
}

}  // namespace

Timeline::Timeline(policy::Policy policy, Sink sink) : sink_(std::move(sink)) {
    state_.policy = std::move(policy);
}

void Timeline::run(const core::Event& event) {
    for (const Effect& effect : step(state_, event)) {
        if (const auto* timer = std::get_if<SetTimer>(&effect)) {
            timers_.emplace(timer->at, timer->timer);
        }
        sink_(event.time, effect);
    }
}

void Timeline::fire_until(core::TimePoint time) {
    while (!timers_.empty() && timers_.begin()->first <= time) {
        const auto [at, timer] = *timers_.begin();
        timers_.erase(timers_.begin());
        now_ = at < now_ ? now_ : at;
        run(core::Event{now_, core::TimerFired{timer}});
    }
}

void Timeline::feed(const core::Event& event) {
    fire_until(event.time);
    now_ = event.time < now_ ? now_ : event.time;
    run(core::Event{now_, event.body});
}

core::Status Timeline::feed_text(std::string_view line) {
    GATEMEND_TRY(time, take_time(line, now_));
    fire_until(time);  // first: the event's words refer to the state at its own time
    now_ = time < now_ ? now_ : time;
    GATEMEND_TRY(body, parse_event(line, state_));
    run(core::Event{now_, std::move(body)});
    return core::Done{};
}

core::Status run_rule_test(const policy::Policy& policy, const policy::RuleTest& test) {
    Seen seen;
    Timeline timeline(policy, [&seen](core::TimePoint, const Effect& effect) {
        if (const auto* request = std::get_if<RequestAct>(&effect)) {
            seen.act = act_words("act", request->plan.act, request->plan.unit);
        } else if (const auto* record = std::get_if<Record>(&effect);
                   record != nullptr && record->kind == RecordKind::kDecided) {
            seen.incident = record->incident;
        }
    });
    std::vector<std::string> lines{
        "2026-01-01T00:00:00Z ledger empty",
        "topology php8.2-fpm.service php-fpm unix:/run/php/php8.2-fpm.sock",
        "topology nginx.service nginx 127.0.0.1:80"};
    lines.insert(lines.end(), test.given.begin(), test.given.end());
    for (const std::string& line : lines) {
        if (const core::Status fed = timeline.feed_text(line); !fed) {
            return fed.error().within("given \"" + line + "\"");
        }
        const auto& incidents = timeline.state().incidents;
        if (const auto decided = incidents.find(seen.incident); decided != incidents.end()) {
            see_decision(decided->second.decision, seen);
        }
    }
    if (!meets(seen, test.expect)) {
        return core::Error{"expected \"" + test.expect + "\", got \"" + what_came(seen) + "\""};
    }
    return core::Done{};
}

}  // namespace gatemend::engine
