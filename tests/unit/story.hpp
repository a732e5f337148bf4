// SPDX-License-Identifier: MIT
// Story: the engine told in event text, with a small policy; keeps every effect as one line.
#pragma once

#include "engine/event_text.hpp"
#include "engine/timeline.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace gatemend::testing {

inline policy::Rule start_rule(std::string name, core::Cause cause) {
    policy::Rule rule;
    rule.name = std::move(name);
    rule.match.cause = cause;
    rule.mode = policy::Mode::kAct;
    rule.ladder = {policy::LadderStep{actions::ActId::kStartUnit, std::chrono::seconds{10}},
                   policy::LadderStep{actions::ActId::kRestartUnit, std::chrono::seconds{20}}};
    return rule;
}

inline policy::Policy small_policy() {
    policy::Policy policy;
    policy.rules = {start_rule("start-crashed", core::Cause::kUnitFailed),
                    start_rule("start-stale", core::Cause::kSocketStale),
                    start_rule("start-nginx", core::Cause::kNginxDown)};
    for (const core::Cause cause : {core::Cause::kUnitStopped,
                                    core::Cause::kUnitStartLimit,
                                    core::Cause::kFpmConfigInvalid,
                                    core::Cause::kNginxConfigInvalid,
                                    core::Cause::kUnknown}) {
        policy::Rule rule;
        rule.name = "observe-" + std::string{core::cause_id(cause)};
        rule.match.cause = cause;
        policy.rules.push_back(rule);
    }
    return policy;
}

class Story {
  public:
    explicit Story(policy::Policy policy = small_policy())
        : timeline_(std::move(policy), [this](core::TimePoint, const engine::Effect& effect) {
              lines_.push_back(engine::describe(effect));
          }) {
        tell({"2026-11-21T14:00:00Z ledger empty",
              "topology php8.2-fpm.service php-fpm unix:/run/php/php8.2-fpm.sock",
              "topology nginx.service nginx 127.0.0.1:80",
              "config php8.2-fpm.service valid",
              "config nginx.service valid",
              "unit nginx.service active",
              "unit php8.2-fpm.service active"});
        lines_.clear();
    }

    Story& tell(const std::vector<std::string>& events) {
        for (const std::string& event : events) {
            const core::Status fed = timeline_.feed_text(event);
            EXPECT_TRUE(fed.has_value()) << event << ": " << (fed ? "" : fed.error().text);
        }
        return *this;
    }

    // Effects that begin with `prefix`.
    [[nodiscard]] std::vector<std::string> all(const std::string& prefix) const {
        std::vector<std::string> found;
        std::copy_if(
            lines_.begin(), lines_.end(), std::back_inserter(found), [&](const auto& line) {
                return line.starts_with(prefix);
            });
        return found;
    }

    [[nodiscard]] std::size_t count(const std::string& prefix) const { return all(prefix).size(); }

    [[nodiscard]] bool says(const std::string& part) const {
        return std::any_of(lines_.begin(), lines_.end(), [&](const auto& line) {
            return line.find(part) != std::string::npos;
        });
    }

    [[nodiscard]] std::string dump() const {
        std::string text;
        for (const std::string& line : lines_) {
            text += line + "\n";
        }
        return text;
    }

    void forget() { lines_.clear(); }

    // Now: what no event text says.
    template <class Kind>
    void feed(Kind event) {
        timeline_.feed({timeline_.now(), std::move(event)});
    }

    [[nodiscard]] const engine::State& state() const { return timeline_.state(); }

  private:
    std::vector<std::string> lines_;
    engine::Timeline timeline_;
};

}  // namespace gatemend::testing
