// SPDX-License-Identifier: MIT
#include "cli/one_plan_executor.hpp"

#include <gtest/gtest.h>

namespace gatemend::cli {
namespace {

class RecordingExecutor final : public io::ExecutorClient {
  public:
    void nginx_dump(Reply<io::NginxDump> done) override {
        calls.emplace_back("dump");
        done(core::Error{"absent"});
    }

    void open_log(const std::string&, Reply<bus::UniqueFd> done) override {
        done(core::Error{"absent"});
    }

    void test_config(const std::string&, Reply<io::ConfigTestReply> done) override {
        done(core::Error{"absent"});
    }

    void probe(const core::ProbeQuestion&, Reply<std::string> done) override {
        done(core::Error{"absent"});
    }

    void inspect(const std::string&, const std::string&, Reply<std::string> done) override {
        done(core::Error{"absent"});
    }

    void packet_filter(Reply<io::PacketFilterText> done) override { done(core::Error{"absent"}); }

    void pm2_apps(const std::string&, Reply<std::string> done) override {
        done(core::Error{"absent"});
    }

    void read_ledger(Reply<core::Ledger> done) override { done(core::Ledger{}); }

    void act(std::uint64_t incident,
             const actions::Plan& plan,
             std::function<void(core::ActAnswered)> done) override {
        calls.push_back("act " + plan.unit + " incident " + std::to_string(incident));
        core::ActAnswered answer;
        answer.incident = incident;
        answer.reply = core::ActReply::kDone;
        answer.attempt = 7;
        answer.outcome = core::ActOutcome::kSucceeded;
        done(answer);
    }

    void propose(const actions::Plan& plan, Reply<io::Proposal> done) override {
        done(io::Proposal{"digest of " + plan.unit, ""});
    }

    void roll_back(std::uint64_t, Reply<core::Done> done) override { done(core::Done{}); }

    void latch(const std::string& unit, const std::string&, Reply<core::Done> done) override {
        calls.push_back("latch " + unit);
        done(core::Done{});
    }

    void confirm(std::uint64_t,
                 core::ActVerdict,
                 const std::string&,
                 Reply<core::Done> done) override {
        done(is_confirming ? core::Status{core::Done{}} : core::Status{core::Error{"busy"}});
    }

    void reload(Reply<std::string> done) override { done(std::string()); }

    std::vector<std::string> calls;
    bool is_confirming = true;
};

class ApplyingOnePlan : public testing::Test {
  protected:
    core::ActReply ask(const std::string& unit, std::uint64_t incident = 3) {
        actions::Plan plan;
        plan.unit = unit;
        core::ActReply reply = core::ActReply::kLost;
        one_.act(incident, plan, [&](const core::ActAnswered& answer) {
            EXPECT_EQ(answer.incident, incident) << "the engine knows its own number only";
            reply = answer.reply;
        });
        return reply;
    }

    RecordingExecutor real_;
    std::vector<core::ActVerdict> verdicts_;
    OnePlanExecutor one_{
        real_,
        "digest of a.service",
        {.on_answer = [](const core::ActAnswered&) {},
         .on_verdict = [this](core::ActVerdict verdict,
                              const std::string&) { verdicts_.push_back(verdict); }}};
};

TEST_F(ApplyingOnePlan, RefusesEveryOther) {
    EXPECT_EQ(ask("b.service"), core::ActReply::kRefused);
    EXPECT_TRUE(real_.calls.empty());
}

TEST_F(ApplyingOnePlan, DoesItOnceUnderNoIncidentOfTheAgents) {
    EXPECT_EQ(ask("a.service"), core::ActReply::kDone);
    EXPECT_EQ(ask("a.service"), core::ActReply::kRefused);
    EXPECT_EQ(real_.calls, (std::vector<std::string>{"act a.service incident 0"}));
}

TEST_F(ApplyingOnePlan, EndsWhenTheVerdictIsOnRecord) {
    (void)ask("a.service");
    real_.is_confirming = false;
    one_.confirm(7, core::ActVerdict::kEffective, "good", [](const core::Status&) {});
    EXPECT_TRUE(verdicts_.empty());
    real_.is_confirming = true;
    one_.confirm(7, core::ActVerdict::kEffective, "good", [](const core::Status&) {});
    EXPECT_EQ(verdicts_, std::vector<core::ActVerdict>{core::ActVerdict::kEffective});
}

TEST_F(ApplyingOnePlan, TripsNoBreaker) {
    one_.latch("a.service", "rule", [](const core::Status& status) { EXPECT_TRUE(status); });
    EXPECT_TRUE(real_.calls.empty());
}

}  // namespace
}  // namespace gatemend::cli
