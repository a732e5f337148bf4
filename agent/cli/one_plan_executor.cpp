// SPDX-License-Identifier: MIT
#include "cli/one_plan_executor.hpp"

#include <utility>

namespace gatemend::cli {

namespace {

core::ActAnswered refusal(std::uint64_t incident, std::string detail) {
    core::ActAnswered answer;
    answer.incident = incident;
    answer.reply = core::ActReply::kRefused;
    answer.detail = std::move(detail);
    return answer;
}

}  // namespace

OnePlanExecutor::OnePlanExecutor(io::ExecutorClient& real, std::string digest, Hooks hooks)
    : real_(real),
      digest_(std::move(digest)),
      hooks_(std::move(hooks)) {}

void OnePlanExecutor::nginx_dump(Reply<io::NginxDump> done) {
    real_.nginx_dump(std::move(done));
}

void OnePlanExecutor::open_log(const std::string& path, Reply<bus::UniqueFd> done) {
    real_.open_log(path, std::move(done));
}

void OnePlanExecutor::test_config(const std::string& unit, Reply<io::ConfigTestReply> done) {
    real_.test_config(unit, std::move(done));
}

void OnePlanExecutor::probe(const core::ProbeQuestion& question, Reply<std::string> done) {
    real_.probe(question, std::move(done));
}

void OnePlanExecutor::inspect(const std::string& unit,
                              const std::string& address,
                              Reply<std::string> done) {
    real_.inspect(unit, address, std::move(done));
}

void OnePlanExecutor::packet_filter(Reply<io::PacketFilterText> done) {
    real_.packet_filter(std::move(done));
}

void OnePlanExecutor::pm2_apps(const std::string& unit, Reply<std::string> done) {
    real_.pm2_apps(unit, std::move(done));
}

void OnePlanExecutor::read_ledger(Reply<core::Ledger> done) {
    real_.read_ledger([this, done = std::move(done)](core::Result<core::Ledger> ledger) {
        if (ledger && !is_performed_ && hooks_.on_ledger) {
            hooks_.on_ledger(*ledger);
        }
        if (ledger && is_performed_) {
            // What earlier commands have left behind is not taken over with what this one did.
            std::erase_if(ledger->attempts, [this](const core::Attempt& attempt) {
                return attempt.incident == 0 && attempt.id != attempt_;
            });
        }
        done(std::move(ledger));
    });
}

// The plan is made once more to be compared: between the dry run and now a file may have changed.
void OnePlanExecutor::act(std::uint64_t incident,
                          const actions::Plan& plan,
                          std::function<void(core::ActAnswered)> done) {
    if (is_performed_) {
        done(refusal(incident, "the plan has been performed"));
        return;
    }
    real_.propose(
        plan,
        [this, incident, plan, done = std::move(done)](const core::Result<io::Proposal>& proposal) {
            if (!proposal) {
                done(refusal(incident, proposal.error().text));
            } else if (is_performed_ || proposal->digest != digest_) {
                done(refusal(incident, "this is not the plan that was asked for"));
            } else {
                perform(plan, [incident, done](core::ActAnswered answer) {
                    answer.incident = incident;
                    done(std::move(answer));
                });
            }
        });
}

void OnePlanExecutor::perform(const actions::Plan& plan,
                              std::function<void(core::ActAnswered)> done) {
    is_performed_ = true;
    real_.act(0, plan, [this, done = std::move(done)](const core::ActAnswered& answer) {
        attempt_ = answer.attempt;
        hooks_.on_answer(answer);
        done(answer);
    });
}

void OnePlanExecutor::propose(const actions::Plan& plan, Reply<io::Proposal> done) {
    real_.propose(plan, std::move(done));
}

void OnePlanExecutor::roll_back(std::uint64_t attempt, Reply<core::Done> done) {
    real_.roll_back(attempt, std::move(done));
}

void OnePlanExecutor::latch(const std::string& /*unit*/,
                            const std::string& /*rule*/,
                            Reply<core::Done> done) {
    done(core::Done{});
}

void OnePlanExecutor::confirm(std::uint64_t attempt,
                              core::ActVerdict verdict,
                              const std::string& detail,
                              Reply<core::Done> done) {
    real_.confirm(
        attempt,
        verdict,
        detail,
        [this, attempt, verdict, detail, done = std::move(done)](const core::Status& status) {
            done(status);
            if (status && attempt == attempt_) {
                hooks_.on_verdict(verdict, detail);
            }
        });
}

void OnePlanExecutor::reload(Reply<std::string> done) {
    real_.reload(std::move(done));
}

}  // namespace gatemend::cli
