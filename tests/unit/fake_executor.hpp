// SPDX-License-Identifier: MIT
#pragma once

#include "io/executor_client.hpp"

#include <functional>
#include <string>
#include <vector>

namespace gatemend::test {

// Answers at once, as told.
class FakeExecutor final : public io::ExecutorClient {
  public:
    void nginx_dump(Reply<io::NginxDump> done) override { done(dump); }

    void open_log(const std::string&, Reply<bus::UniqueFd> done) override {
        done(core::Error{"absent"});
    }

    void test_config(const std::string& unit, Reply<io::ConfigTestReply> done) override {
        calls.push_back("test " + unit);
        if (is_holding_tests) {
            held_tests.push_back(std::move(done));
        } else {
            done(io::ConfigTestReply{"valid", "f", ""});
        }
    }

    void probe(const core::ProbeQuestion& question, Reply<std::string> done) override {
        calls.push_back("probe " + question.address);
        done(probe_answer);
    }

    void inspect(const std::string&, const std::string&, Reply<std::string> done) override {
        done(core::Error{"absent"});
    }

    void packet_filter(Reply<io::PacketFilterText> done) override { done(core::Error{"absent"}); }

    void pm2_apps(const std::string&, Reply<std::string> done) override {
        done(core::Error{"absent"});
    }

    void read_ledger(Reply<core::Ledger> done) override {
        calls.emplace_back("ledger");
        if (on_ledger) {
            on_ledger();
        }
        done(core::Ledger{});
    }

    void act(std::uint64_t incident,
             const actions::Plan& plan,
             std::function<void(core::ActAnswered)> done) override {
        calls.push_back("act " + plan.unit);
        core::ActAnswered answer;
        answer.incident = incident;
        answer.reply = reply;
        answer.attempt = 1;
        answer.outcome = core::ActOutcome::kSucceeded;
        done(answer);
    }

    void propose(const actions::Plan& plan, Reply<io::Proposal> done) override {
        calls.push_back("propose " + plan.unit);
        done(io::Proposal{std::string(64, 'd'), "preview"});
    }

    void roll_back(std::uint64_t attempt, Reply<core::Done> done) override {
        calls.push_back("undo " + std::to_string(attempt));
        done(core::Done{});
    }

    void latch(const std::string&, const std::string&, Reply<core::Done> done) override {
        done(core::Done{});
    }

    void confirm(std::uint64_t,
                 core::ActVerdict,
                 const std::string&,
                 Reply<core::Done> done) override {
        done(core::Done{});
    }

    void reload(Reply<std::string> done) override { done(std::string()); }

    std::vector<std::string> calls;
    core::Result<io::NginxDump> dump = core::Error{"absent"};
    core::Result<std::string> probe_answer = std::string("outcome=refused errno=111 us=1\n");
    core::ActReply reply = core::ActReply::kDone;
    std::function<void()> on_ledger;
    bool is_holding_tests = false;
    std::vector<Reply<io::ConfigTestReply>> held_tests;
};

}  // namespace gatemend::test
