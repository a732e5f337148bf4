// SPDX-License-Identifier: MIT
#include "cli/approval.hpp"

#include "cli/agent_query.hpp"
#include "cli/bus_call.hpp"
#include "cli/exit_code.hpp"
#include "cli/incident_text.hpp"
#include "core/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>
#include <vector>

namespace gatemend::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kQuickDeadline{20};
constexpr std::chrono::seconds kUndoDeadline{120};
constexpr std::chrono::minutes kApprovalPatience{2};
// An agent that dies is started again within a second.
constexpr std::chrono::seconds kAgentPatience{10};
constexpr std::chrono::milliseconds kPace{500};
// A proposal is away for a moment while the incident is judged anew.
constexpr int kLooksUntilGone = 6;

int wrong(const std::string& text) {
    (void)std::fprintf(stderr, "gatemend: %s\n", text.c_str());
    return kExitUsage;
}

void say(const std::string& text) {
    (void)std::fputs((text + "\n").c_str(), stdout);
    (void)std::fflush(stdout);
}

Json list_of(const Json& item, const char* key) {
    return item.value(key, Json::array());
}

std::string text_of(const Json& item, const char* key) {
    const Json value = item.value(key, Json());
    constexpr std::size_t kMaxShown = std::size_t{4} * 1024;
    return value.is_string() ? core::sanitize(value.get<std::string>(), kMaxShown) : "";
}

// The proposal that is meant; absent: there is none, or it has to be said which.
std::optional<Json> choose(const Json& incident, std::size_t number) {
    std::vector<Json> exact;
    for (const Json& item : list_of(incident, "proposals")) {
        const bool is_meant = number == 0 || item.value("number", std::size_t{0}) == number;
        if (is_meant && !text_of(item, "digest").empty()) {
            exact.push_back(item);
        }
    }
    if (exact.size() == 1) {
        return exact.front();
    }
    for (const Json& item : exact) {
        say(proposal_text(item));
    }
    const std::string id = incident.value("id", Json(0)).dump();
    (void)wrong(exact.empty() ? "incident " + id +
                                    " asks for nothing that could be approved; see "
                                    "`gatemend why " +
                                    id + "`"
                              : "incident " + id +
                                    " asks for more than one act: "
                                    "`gatemend approve " +
                                    id + " N` says which");
    return std::nullopt;
}

std::size_t count_acts(const Json& incident) {
    return list_of(incident, "attempts").size();
}

bool is_proposed(const Json& incident, const std::string& digest) {
    const Json proposals = list_of(incident, "proposals");
    return std::any_of(proposals.begin(), proposals.end(), [&digest](const Json& item) {
        return text_of(item, "digest") == digest;
    });
}

// Follows the incident from the yes on until it is known what became of the act.
class Wait {
  public:
    Wait(const Json& incident, std::string digest)
        : id_{incident.value("id", std::uint64_t{0})},
          opened_{text_of(incident, "opened")},
          acts_before_{count_acts(incident)},
          digest_{std::move(digest)} {}

    [[nodiscard]] int run() {
        const Clock::time_point give_up = Clock::now() + kApprovalPatience;
        while (Clock::now() < give_up) {
            std::optional<int> outcome;
            const int code = with_incident(id_, [&](const Json& incident) {
                outcome = outcome_of(incident);
                return kExitOk;
            });
            if (outcome) {
                return *outcome;
            }
            if (code == kExitNotRunning && is_back()) {
                continue;
            }
            if (code != kExitOk) {
                return code;
            }
            std::this_thread::sleep_for(kPace);
        }
        say("not over yet; `gatemend show " + std::to_string(id_) + "` tells how it goes on");
        return kExitFailed;
    }

  private:
    static bool is_back() {
        say("the agent went away; waiting for it to come back");
        return await_service(kAgent, kAgentPatience);
    }

    // What has become of it; absent: nothing yet.
    std::optional<int> outcome_of(const Json& incident) {
        if (text_of(incident, "opened") != opened_) {
            say("the agent was started again meanwhile and judges anew: `gatemend incidents` and "
                "`gatemend audit` tell what became of the act");
            return kExitFailed;
        }
        if (count_acts(incident) > acts_before_) {
            return verdict_of(incident);
        }
        if (!incident.value("closed", Json()).is_null()) {
            say("the incident is over: " + text_of(incident, "text"));
            return kExitOk;
        }
        tell_news(incident);
        looks_without_it_ = is_proposed(incident, digest_) ? 0 : looks_without_it_ + 1;
        if (looks_without_it_ < kLooksUntilGone) {
            return std::nullopt;
        }
        say("what was approved is not proposed any more; `gatemend why " + std::to_string(id_) +
            "` tells more");
        return kExitFailed;
    }

    std::optional<int> verdict_of(const Json& incident) {
        const Json attempt = list_of(incident, "attempts").at(acts_before_);
        for (const Json& act : list_of(incident, "acts")) {
            const std::string verdict = text_of(act, "verdict");
            if (act.value("attempt", Json()) != attempt || verdict == "pending" ||
                verdict.empty()) {
                continue;
            }
            say(act_text(act));
            say(text_of(incident, "text"));
            return verdict == "effective" ? kExitOk : kExitFailed;
        }
        tell_news(incident);
        return std::nullopt;
    }

    void tell_news(const Json& incident) {
        if (const std::string now = text_of(incident, "text"); now != said_) {
            said_ = now;
            say(now);
        }
    }

    std::uint64_t id_;
    std::string opened_;
    std::size_t acts_before_;
    std::string digest_;
    std::string said_;
    int looks_without_it_ = 0;
};

using AttemptTuple = sdbus::Struct<std::uint64_t,
                                   std::int64_t,
                                   std::string,
                                   std::string,
                                   std::string,
                                   std::uint64_t,
                                   std::string,
                                   std::string,
                                   std::string,
                                   std::int64_t,
                                   std::map<std::string, std::string>,
                                   std::string,
                                   bool>;

bool can_be_undone(const RecordedAttempt& attempt) {
    return attempt.undo == "provisional" || attempt.undo == "confirmed" ||
           attempt.undo == "undo-failed";
}

// The newest act of the incident that left something behind, by the executor's own record.
int find_attempt(RollbackOptions& options) {
    std::vector<RecordedAttempt> attempts;
    if (const int code = read_attempts(attempts); code != kExitOk) {
        return code;
    }
    const auto found =
        std::find_if(attempts.rbegin(), attempts.rend(), [&options](const RecordedAttempt& item) {
            return item.incident == options.incident && can_be_undone(item);
        });
    if (found == attempts.rend()) {
        (void)std::fprintf(stderr,
                           "gatemend: no act of incident %llu left anything that could be undone\n",
                           static_cast<unsigned long long>(options.incident));
        return kExitFailed;
    }
    options.attempt = found->id;
    say((options.is_dry_run ? "attempt " : "undoing attempt ") + std::to_string(options.attempt) +
        ", " + core::sanitize(found->act) + " " + core::sanitize(found->unit));
    return kExitOk;
}

}  // namespace

std::string review_rollback(std::uint64_t attempt) {
    std::string text;
    const int code = call_service(kExecutor, [attempt, &text](sdbus::IProxy& executor) {
        executor.callMethod("ReviewRollback")
            .onInterface(kExecutor.interface)
            .withTimeout(kQuickDeadline)
            .withArguments(attempt)
            .storeResultsTo(text);
    });
    return code == kExitOk ? text : "";
}

int read_attempts(std::vector<RecordedAttempt>& attempts) {
    return call_service(kExecutor, [&attempts](sdbus::IProxy& executor) {
        std::vector<AttemptTuple> tuples;
        std::vector<sdbus::Struct<std::string, std::int64_t, std::string, std::string, std::string>>
            latches;
        std::vector<sdbus::Struct<std::int64_t, std::string, std::string>> pauses;
        std::vector<sdbus::Struct<std::string, std::int64_t>> forgiven;
        std::vector<sdbus::Struct<std::string, std::int64_t, std::string>> approvals;
        std::string unreadable;
        executor.callMethod("Ledger")
            .onInterface(kExecutor.interface)
            .withTimeout(kQuickDeadline)
            .storeResultsTo(tuples, latches, pauses, forgiven, approvals, unreadable);
        attempts.clear();
        for (const AttemptTuple& item : tuples) {
            attempts.push_back({.id = std::get<0>(item),
                                .act = std::get<3>(item),
                                .unit = std::get<4>(item),
                                .incident = std::get<5>(item),
                                .outcome = std::get<6>(item),
                                .verdict = std::get<7>(item),
                                .undo = std::get<8>(item)});
        }
    });
}

int approve_digest(const std::string& digest) {
    return call_service(kExecutor, [&digest](sdbus::IProxy& executor) {
        executor.callMethod("Approve")
            .onInterface(kExecutor.interface)
            .withTimeout(kQuickDeadline)
            .withArguments(digest);
    });
}

int run_approve(const ApproveOptions& options) {
    std::optional<Json> proposal;
    std::optional<Wait> wait;
    const int found = with_revealed_incident(options.incident, [&](const Json& incident) {
        proposal = choose(incident, options.number);
        if (proposal) {
            wait.emplace(incident, text_of(*proposal, "digest"));
        }
        return proposal ? kExitOk : kExitUsage;
    });
    if (found != kExitOk) {
        return found;
    }
    say(proposal_text(*proposal));
    if (const std::string problem = text_of(*proposal, "problem"); !problem.empty()) {
        (void)std::fprintf(stderr, "gatemend: %s: nothing was approved\n", problem.c_str());
        return kExitFailed;
    }
    if (const int code = approve_digest(text_of(*proposal, "digest")); code != kExitOk) {
        return code;
    }
    say("approved");
    return wait->run();
}

int run_rollback(const RollbackOptions& options) {
    RollbackOptions chosen = options;
    if (chosen.attempt == 0) {
        if (const int code = find_attempt(chosen); code != kExitOk) {
            return code;
        }
    }
    if (chosen.is_dry_run) {
        const std::string text = review_rollback(chosen.attempt);
        (void)std::fputs(text.c_str(), stdout);
        return text.empty() ? kExitFailed : kExitOk;
    }
    std::string text;
    const int code = call_service(kExecutor, [&chosen, &text](sdbus::IProxy& executor) {
        executor.callMethod("Rollback")
            .onInterface(kExecutor.interface)
            .withTimeout(kUndoDeadline)
            .withArguments(chosen.attempt)
            .storeResultsTo(text);
    });
    if (code == kExitOk) {
        say("undone: " + core::sanitize(text));
    }
    return code;
}

}  // namespace gatemend::cli
