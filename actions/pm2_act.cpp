// SPDX-License-Identifier: MIT
// restart-pm2-app: `pm2 restart NAME` as the user whose daemon the unit is. Of what pm2 prints, the
// lines of its list that say what is down are compared, and the process ids of `pm2 pid NAME`: who
// may write those is that very user.
#include "actions/tool_acts.hpp"
#include "core/one_line.hpp"
#include "core/pm2_app.hpp"
#include "core/text.hpp"
#include "sandbox/secrecy/lines.hpp"
#include "sandbox/tools/pm2.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatemend::actions {
namespace {

using core::ActOutcome;
using core::Result;
using sandbox::ToolOutcome;

constexpr std::size_t kMaxWordsBytes = std::size_t{4} * 1024;
constexpr core::Duration kPidDeadline = std::chrono::seconds{8};
// What systemd and we need to notice that a tool's time is over.
constexpr core::Duration kMargin = std::chrono::seconds{4};

std::string words_of(const ToolOutcome& outcome) {
    if (outcome.is_timed_out) {
        return "pm2 did not finish in time";
    }
    return "pm2 failed: " +
           core::sanitize(core::one_line(outcome.err.empty() ? outcome.out : outcome.err));
}

// `pm2 restart` starts what a person has stopped, too: the list has to say that the application is
// the only one that is not online.
bool is_only_errored(std::string_view list, std::string_view app) {
    constexpr std::string_view kHead = "+--- ";
    constexpr std::string_view kStatus = "status : ";
    std::vector<core::Pm2App> apps;
    for (const std::string_view line : sandbox::lines_of(list)) {
        if (line.starts_with(kHead)) {
            apps.push_back({.name = std::string{line.substr(kHead.size())}});
        } else if (line.starts_with(kStatus)) {
            if (apps.empty() || apps.back().status != core::Pm2Status::kOther) {
                return false;  // whose it is, is not known
            }
            apps.back().status = core::pm2_status_from_id(line.substr(kStatus.size()));
        }
    }
    const core::Pm2App* only = core::find_only_errored(apps);
    return only != nullptr && only->name == app;
}

// One id per instance, 0 for an instance that does not run.
bool has_running_instances(std::string_view text) {
    bool has_any = false;
    for (const std::string_view line : sandbox::lines_of(text)) {
        if (line.empty()) {
            continue;
        }
        const bool is_number =
            std::ranges::all_of(line, [](char c) { return c >= '0' && c <= '9'; });
        if (!is_number || line == "0") {
            return false;
        }
        has_any = true;
    }
    return has_any;
}

// What it printed, where it ended well; else the act has failed, and `advice` says what remains.
void run(const Hands& hands,
         const sandbox::Pm2Call& call,
         const std::string& advice,
         const ActDone& done,
         std::function<void(const std::string& out)> then) {
    sandbox::run_pm2(
        hands.systemd,
        hands.tools,
        call,
        [advice, done, then = std::move(then)](const Result<ToolOutcome>& outcome) {
            if (!outcome) {
                done({ActOutcome::kFailed, core::sanitize(outcome.error().text) + advice});
            } else if (outcome->exit_code != 0) {
                done({ActOutcome::kFailed, words_of(*outcome)});
            } else {
                then(outcome->out);
            }
        });
}

void check_it_runs(const Hands& hands,
                   const Plan& plan,
                   const std::string& app,
                   const ActDone& done) {
    run(hands,
        {.unit = plan.unit,
         .arguments = {"pid", app},
         .deadline = kPidDeadline,
         .max_output = kMaxWordsBytes},
        "",
        done,
        [app, done](const std::string& out) {
            if (has_running_instances(out)) {
                done({ActOutcome::kSucceeded, "pm2 has restarted " + app});
            } else {
                done({ActOutcome::kFailed, "pm2 has restarted " + app + ", but it does not run"});
            }
        });
}

std::string by_hand(const std::string& app) {
    return "; by hand, as the unit's user: `pm2 restart " + app + "`";
}

core::TimePoint now_of(const Hands& hands) {
    return hands.now ? hands.now() : core::TimePoint{};
}

// For the restart itself: the question before it took its time, the one after it takes some.
core::Duration time_left(const Hands& hands, const Plan& plan, core::TimePoint began) {
    return plan.deadline - (now_of(hands) - began) - kPidDeadline - 2 * kMargin;
}

void restart(const Hands& hands,
             const Plan& plan,
             const std::string& app,
             core::Duration deadline,
             const ActDone& done) {
    if (deadline <= core::Duration::zero()) {
        done({ActOutcome::kFailed, "nothing was done: there was too little time left"});
        return;
    }
    run(hands,
        {.unit = plan.unit,
         .arguments = {"restart", app},
         .deadline = deadline,
         .max_output = kMaxWordsBytes},
        by_hand(app),
        done,
        [hands, plan, app, done](const std::string&) { check_it_runs(hands, plan, app, done); });
}

}  // namespace

std::optional<std::string> RestartPm2App::find_obstacle(const core::UnitState& state) const {
    if (core::is_up(state)) {
        return std::nullopt;
    }
    return "the unit is " + core::describe(state) + ": without its daemon, pm2 would start another";
}

void RestartPm2App::perform(const Hands& hands, const Task& task, ActDone done) const {
    const Plan& plan = task.plan;
    const auto parameter = plan.parameters.find("app");
    const std::string app = parameter == plan.parameters.end() ? "" : parameter->second;
    if (!core::is_pm2_unit(plan.unit) || !core::is_plain_pm2_name(app)) {
        done({ActOutcome::kFailed,
              "nothing was done: " + plan.unit + " is no pm2 unit, or pm2 could take " +
                  core::sanitize(app) + " for something else than an application's name"});
        return;
    }
    const core::TimePoint began = now_of(hands);
    if (time_left(hands, plan, began) <= core::Duration::zero()) {
        done({ActOutcome::kFailed, "nothing was done: the rule gives the act too little time"});
        return;
    }
    hands.facts.pm2_apps(
        plan.unit,
        [hands, plan, app, began, done = std::move(done)](const Result<std::string>& list) {
            if (!list) {
                done({ActOutcome::kFailed,
                      "nothing was done: " + core::sanitize(core::one_line(list.error().text)) +
                          by_hand(app)});
            } else if (!is_only_errored(*list, app)) {
                done({ActOutcome::kFailed,
                      "nothing was done: by now " + app +
                          " is not errored, or not the only one that is not online"});
            } else {
                restart(hands, plan, app, time_left(hands, plan, began), done);
            }
        });
}

bool RestartPm2App::is_fulfilled(const Plan& plan, const core::UnitState& state) const {
    // The daemon is the one that was asked.
    return core::is_up(state) && state.invocation_id == plan.expected_invocation;
}

}  // namespace gatemend::actions
