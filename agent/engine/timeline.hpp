// SPDX-License-Identifier: MIT
// Timeline: the engine in log time. Feeds events in order and fires the engine's own timers between
// them, exactly as the live loop would; what comes out goes to `sink`. Used by replay and rule
// tests.
#pragma once

#include "core/result.hpp"
#include "engine/step.hpp"

#include <functional>
#include <map>
#include <string_view>

namespace gatemend::engine {

class Timeline {
  public:
    using Sink = std::function<void(core::TimePoint, const Effect&)>;

    Timeline(policy::Policy policy, Sink sink);

    void feed(const core::Event& event);  // times must not decrease; an earlier one counts as now

    // "[TIME|+DURATION] event text"; without a stamp the event happens now.
    [[nodiscard]] core::Status feed_text(std::string_view line);

    [[nodiscard]] const State& state() const { return state_; }

    [[nodiscard]] core::TimePoint now() const { return now_; }

  private:
    void fire_until(core::TimePoint time);
    void run(const core::Event& event);

    State state_;
    Sink sink_;
    core::TimePoint now_{};
    std::multimap<core::TimePoint, std::uint64_t> timers_;
};

// Runs one [[rule.test]] with the real engine: services php8.2-fpm.service and nginx.service exist,
// the ledger is empty. The error says what came out instead.
[[nodiscard]] core::Status run_rule_test(const policy::Policy& policy,
                                         const policy::RuleTest& test);

}  // namespace gatemend::engine
