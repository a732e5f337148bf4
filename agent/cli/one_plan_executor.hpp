// SPDX-License-Identifier: MIT
// OnePlanExecutor: the executor as `gatemend apply` lets the engine see it: every question is
// passed on, and of all acts exactly one, once. Its incident is 0: the running agent has its own
// numbers.
#pragma once

#include "io/executor_client.hpp"

#include <functional>
#include <string>

namespace gatemend::cli {

class OnePlanExecutor final : public io::ExecutorClient {
  public:
    struct Hooks {
        std::function<void(const core::ActAnswered&)> on_answer;  // of the one act
        std::function<void(core::ActVerdict, const std::string& detail)> on_verdict;
        // As long as the act has not been asked for here: somebody else may have.
        std::function<void(const core::Ledger&)> on_ledger{};
    };

    // `real` outlives it.
    OnePlanExecutor(io::ExecutorClient& real, std::string digest, Hooks hooks);

    void nginx_dump(Reply<io::NginxDump> done) override;
    void open_log(const std::string& path, Reply<bus::UniqueFd> done) override;
    void test_config(const std::string& unit, Reply<io::ConfigTestReply> done) override;
    void probe(const core::ProbeQuestion& question, Reply<std::string> done) override;
    void inspect(const std::string& unit,
                 const std::string& address,
                 Reply<std::string> done) override;
    void packet_filter(Reply<io::PacketFilterText> done) override;
    void pm2_apps(const std::string& unit, Reply<std::string> done) override;
    void read_ledger(Reply<core::Ledger> done) override;
    void act(std::uint64_t incident,
             const actions::Plan& plan,
             std::function<void(core::ActAnswered)> done) override;
    void propose(const actions::Plan& plan, Reply<io::Proposal> done) override;
    void roll_back(std::uint64_t attempt, Reply<core::Done> done) override;
    // Never: a command run by hand trips no breaker.
    void latch(const std::string& unit, const std::string& rule, Reply<core::Done> done) override;
    void confirm(std::uint64_t attempt,
                 core::ActVerdict verdict,
                 const std::string& detail,
                 Reply<core::Done> done) override;
    void reload(Reply<std::string> done) override;

  private:
    void perform(const actions::Plan& plan, std::function<void(core::ActAnswered)> done);

    io::ExecutorClient& real_;
    std::string digest_;
    Hooks hooks_;
    bool is_performed_ = false;
    std::uint64_t attempt_ = 0;
};

}  // namespace gatemend::cli
