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
constexpr std::chrono::milliseconds kPace{500};

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
    return value.is_string() ? value.get<std::string>() : "";
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

// What has become of it; absent: nothing yet.
std::optional<int> outcome_of(const Json& incident, std::size_t acts_before) {
    if (count_acts(incident) <= acts_before) {
        if (incident.value("closed", Json()).is_null()) {
            return std::nullopt;
        }
        say("the incident is over: " + text_of(incident, "text"));
        return kExitOk;
    }
    const Json attempt = list_of(incident, "attempts").at(acts_before);
    for (const Json& act : list_of(incident, "acts")) {
        const std::string verdict = text_of(act, "verdict");
        if (act.value("attempt", Json()) != attempt || verdict == "pending" || verdict.empty()) {
            continue;
        }
        say(act_text(act));
        say(text_of(incident, "text"));
        return verdict == "effective" ? kExitOk : kExitFailed;
    }
    return std::nullopt;
}

int await_outcome(std::uint64_t id, std::size_t acts_before) {
    const Clock::time_point give_up = Clock::now() + kApprovalPatience;
    std::string said;
    while (Clock::now() < give_up) {
        std::optional<int> outcome;
        const int code = with_incident(id, [&](const Json& incident) {
            outcome = outcome_of(incident, acts_before);
            if (const std::string now = text_of(incident, "text"); !outcome && now != said) {
                said = now;
                say(now);
            }
            return kExitOk;
        });
        if (code != kExitOk || outcome) {
            return outcome.value_or(code);
        }
        std::this_thread::sleep_for(kPace);
    }
    say("not over yet; `gatemend show " + std::to_string(id) + "` tells how it goes on");
    return kExitFailed;
}

using AttemptTuple = sdbus::Struct<std::uint64_t,
                                   std::int64_t,
                                   std::string,
                                   std::string,
                                   std::string,
                                   std::uint64_t,
                                   std::string,
                                   std::string,
                                   std::string,
                                   std::int64_t>;

bool can_be_undone(const AttemptTuple& attempt) {
    const std::string& undo = std::get<8>(attempt);
    return undo == "provisional" || undo == "confirmed" || undo == "undo-failed";
}

// The newest act of the incident that left something behind, by the executor's own record.
int find_attempt(RollbackOptions& options) {
    std::vector<AttemptTuple> attempts;
    const int code = call_service(kExecutor, [&attempts](sdbus::IProxy& executor) {
        std::vector<sdbus::Struct<std::string, std::int64_t, std::string>> latches;
        std::vector<sdbus::Struct<std::int64_t, std::string, std::string>> pauses;
        std::vector<sdbus::Struct<std::string, std::int64_t>> forgiven;
        std::vector<sdbus::Struct<std::string, std::int64_t, std::string>> approvals;
        std::string unreadable;
        executor.callMethod("Ledger")
            .onInterface(kExecutor.interface)
            .withTimeout(kQuickDeadline)
            .storeResultsTo(attempts, latches, pauses, forgiven, approvals, unreadable);
    });
    if (code != kExitOk) {
        return code;
    }
    const auto found =
        std::find_if(attempts.rbegin(), attempts.rend(), [&options](const AttemptTuple& item) {
            return std::get<5>(item) == options.incident && can_be_undone(item);
        });
    if (found == attempts.rend()) {
        (void)std::fprintf(stderr,
                           "gatemend: no act of incident %llu left anything that could be undone\n",
                           static_cast<unsigned long long>(options.incident));
        return kExitFailed;
    }
    options.attempt = std::get<0>(*found);
    say("undoing attempt " + std::to_string(options.attempt) + ", " +
        core::sanitize(std::get<3>(*found)) + " " + core::sanitize(std::get<4>(*found)));
    return kExitOk;
}

}  // namespace

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
    std::size_t acts = 0;
    const int found = with_incident(options.incident, [&](const Json& incident) {
        proposal = choose(incident, options.number);
        acts = count_acts(incident);
        return proposal ? kExitOk : kExitUsage;
    });
    if (found != kExitOk) {
        return found;
    }
    say(proposal_text(*proposal));
    if (const int code = approve_digest(text_of(*proposal, "digest")); code != kExitOk) {
        return code;
    }
    say("approved");
    return await_outcome(options.incident, acts);
}

int run_rollback(const RollbackOptions& options) {
    RollbackOptions chosen = options;
    if (chosen.attempt == 0) {
        if (const int code = find_attempt(chosen); code != kExitOk) {
            return code;
        }
    }
    const int code = call_service(kExecutor, [&chosen](sdbus::IProxy& executor) {
        executor.callMethod("Rollback")
            .onInterface(kExecutor.interface)
            .withTimeout(kUndoDeadline)
            .withArguments(chosen.attempt);
    });
    if (code == kExitOk) {
        say("undone");
    }
    return code;
}

}  // namespace gatemend::cli
