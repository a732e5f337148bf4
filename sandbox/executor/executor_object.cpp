// SPDX-License-Identifier: MIT
#include "sandbox/executor/executor_object.hpp"

#include "core/text.hpp"
#include "sandbox/bus/compat.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <org.gatemend.Executor1.adaptor.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace gatemend::sandbox {
namespace {

sdbus::Error make_error(const Fault& fault) {
    const std::string name = "org.gatemend.Error." + std::string{fault_kind_id(fault.kind)};
    return sdbus::Error{bus::ErrorName{name}, core::sanitize(fault.text, actions::kMaxDetailBytes)};
}

std::int64_t usec(core::TimePoint time) {
    return time.time_since_epoch().count();
}

template <class... Results>
std::shared_ptr<sdbus::Result<Results...>> keep(sdbus::Result<Results...>&& result) {
    // shared: the library's result can only be moved, std::function only copied
    return std::make_shared<sdbus::Result<Results...>>(std::move(result));
}

// Sends one answer; a peer that went away meanwhile is no concern of ours.
template <class Send>
void answer(const Send& send) {
    try {
        send();
    } catch (const sdbus::Error&) {
        return;
    }
}

using ParameterMap = std::map<std::string, std::string>;
using AttemptStruct = sdbus::Struct<std::uint64_t,
                                    std::int64_t,
                                    std::string,
                                    std::string,
                                    std::string,
                                    std::uint64_t,
                                    std::string,
                                    std::string,
                                    std::string,
                                    std::int64_t,
                                    ParameterMap,
                                    std::string,
                                    bool>;
using LatchStruct = sdbus::Struct<std::string, std::int64_t, std::string, std::string, std::string>;
using PauseStruct = sdbus::Struct<std::int64_t, std::string, std::string>;
using ForgivenStruct = sdbus::Struct<std::string, std::int64_t>;
using ApprovalStruct = sdbus::Struct<std::string, std::int64_t, std::string>;
using MarkStruct = sdbus::Struct<std::string, std::string, std::string>;

class Object final : public ExecutorObject,
                     public sdbus::AdaptorInterfaces<org::gatemend::Executor1_adaptor> {
  public:
    Object(bus::Connection& connection, Executor& executor, FactDesk& facts)
        : AdaptorInterfaces(connection.raw(), bus::ObjectPath{kExecutorPath}),
          executor_(executor),
          facts_(facts) {
        registerAdaptor();
    }

    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

    ~Object() override { unregisterAdaptor(); }

    void emit_ledger_changed() override {
        answer([this] { emitLedgerChanged(); });
    }

  private:
    void NginxDump(sdbus::Result<sdbus::UnixFd, std::int32_t, std::string>&& result) override;
    sdbus::UnixFd OpenLog(const std::string& path) override;
    void TestConfig(sdbus::Result<std::string, std::string, std::string>&& result,
                    std::string unit) override;
    void Probe(sdbus::Result<std::string>&& result,
               std::string kind,
               std::string address,
               std::string name,
               std::uint64_t timeout_usec) override;
    void Inspect(sdbus::Result<std::string>&& result,
                 std::string unit,
                 std::string address) override;
    void PacketFilter(sdbus::Result<std::string, std::string>&& result) override;
    void Pm2Apps(sdbus::Result<std::string>&& result, std::string unit) override;
    std::tuple<std::vector<AttemptStruct>,
               std::vector<LatchStruct>,
               std::vector<PauseStruct>,
               std::vector<ForgivenStruct>,
               std::vector<ApprovalStruct>,
               std::string>
    Ledger() override;
    void Propose(sdbus::Result<std::string, std::string>&& result,
                 std::string act,
                 std::string unit,
                 std::string rule,
                 std::string cause,
                 std::string expected_active,
                 std::string expected_invocation,
                 std::uint64_t deadline_usec,
                 ParameterMap parameters) override;
    void Plan(sdbus::Result<std::string, std::string>&& result,
              std::string act,
              std::string unit,
              std::string rule,
              std::string cause,
              std::string expected_active,
              std::string expected_invocation,
              std::uint64_t deadline_usec,
              ParameterMap parameters) override;
    void Execute(sdbus::Result<std::uint64_t, std::string, std::string>&& result,
                 std::string digest,
                 std::uint64_t incident) override;
    void Confirm(const std::uint64_t& attempt,
                 const std::string& verdict,
                 const std::string& detail) override;
    void Latch(sdbus::Result<>&& result, std::string unit, std::string rule) override;
    void Rollback(sdbus::Result<std::string>&& result, std::uint64_t attempt) override;
    void ReviewRollback(sdbus::Result<std::string>&& result, std::uint64_t attempt) override;
    void Approve(const std::string& digest) override;
    std::tuple<std::string, std::string, std::string, ParameterMap, std::string, std::string>
    Reveal(const std::string& digest) override;
    void Pause(const std::uint64_t& seconds, const std::string& reason) override;
    void Resume() override;
    void Lift(const std::string& unit) override;
    void Acknowledge(const std::uint64_t& attempt,
                     const std::vector<MarkStruct>& findings) override;
    std::string Reload() override;

    // "uid 0", or throws NotAllowed.
    [[nodiscard]] std::string require_root(const char* method);
    [[nodiscard]] uid_t caller() const;
    // What the caller gets to see of it; on record first.
    [[nodiscard]] sdbus::Error denial(const char* method, const Fault& fault);

    // For synchronous methods an exception is how sdbus-c++ takes an error.
    template <class T>
    T value_or_throw(const char* method, Reply<T> reply) {
        if (const auto* fault = std::get_if<Fault>(&reply)) {
            throw denial(method, *fault);
        }
        return std::get<T>(std::move(reply));
    }

    [[nodiscard]] ReplyDone<Proposal> proposal_reply(
        const char* method, sdbus::Result<std::string, std::string>&& result);
    [[nodiscard]] ReplyDone<std::string> text_reply(const char* method,
                                                    sdbus::Result<std::string>&& result);

    Executor& executor_;
    FactDesk& facts_;
};

sdbus::Error Object::denial(const char* method, const Fault& fault) {
    executor_.note_denial(method, fault);
    return make_error(fault);
}

ReplyDone<Proposal> Object::proposal_reply(const char* method,
                                           sdbus::Result<std::string, std::string>&& result) {
    return [this, method, kept = keep(std::move(result))](const Reply<Proposal>& reply) {
        answer([&] {
            if (const auto* fault = std::get_if<Fault>(&reply)) {
                kept->returnError(denial(method, *fault));
            } else {
                const auto& proposal = std::get<Proposal>(reply);
                kept->returnResults(proposal.digest, proposal.preview);
            }
        });
    };
}

ReplyDone<std::string> Object::text_reply(const char* method, sdbus::Result<std::string>&& result) {
    return [this, method, kept = keep(std::move(result))](const Reply<std::string>& reply) {
        answer([&] {
            if (const auto* fault = std::get_if<Fault>(&reply)) {
                kept->returnError(denial(method, *fault));
            } else {
                kept->returnResults(std::get<std::string>(reply));
            }
        });
    };
}

void Object::NginxDump(sdbus::Result<sdbus::UnixFd, std::int32_t, std::string>&& result) {
    facts_.nginx_dump([this, kept = keep(std::move(result))](const Reply<DumpReply>& reply) {
        answer([&] {
            if (const auto* fault = std::get_if<Fault>(&reply)) {
                kept->returnError(denial("NginxDump", *fault));
                return;
            }
            const auto& dump = std::get<DumpReply>(reply);
            auto copy = make_sealed_copy(dump.dump);
            if (const auto* fault = std::get_if<Fault>(&copy)) {
                kept->returnError(denial("NginxDump", *fault));
                return;
            }
            // UnixFd duplicates; the copy closes its own
            kept->returnResults(sdbus::UnixFd{std::get<bus::UniqueFd>(copy).get()},
                                dump.exit_status,
                                dump.diagnostics);
        });
    });
}

sdbus::UnixFd Object::OpenLog(const std::string& path) {
    Reply<bus::UniqueFd> reply = facts_.open_log(path);
    if (const auto* fault = std::get_if<Fault>(&reply);
        fault != nullptr && fault->kind == FaultKind::kNotFound) {
        throw make_error(*fault);  // a log that is not there is a fact, nothing was denied
    }
    const bus::UniqueFd log = value_or_throw("OpenLog", std::move(reply));
    return sdbus::UnixFd{log.get()};
}

void Object::TestConfig(sdbus::Result<std::string, std::string, std::string>&& result,
                        std::string unit) {
    facts_.test_config(unit,
                       [this, kept = keep(std::move(result))](const Reply<ConfigTestFact>& reply) {
                           answer([&] {
                               if (const auto* fault = std::get_if<Fault>(&reply)) {
                                   kept->returnError(denial("TestConfig", *fault));
                                   return;
                               }
                               const auto& fact = std::get<ConfigTestFact>(reply);
                               kept->returnResults(fact.verdict, fact.fingerprint, fact.output);
                           });
                       });
}

void Object::Probe(sdbus::Result<std::string>&& result,
                   std::string kind,
                   std::string address,
                   std::string name,
                   std::uint64_t timeout_usec) {
    facts_.probe({std::move(kind), std::move(address), std::move(name), timeout_usec},
                 text_reply("Probe", std::move(result)));
}

void Object::Inspect(sdbus::Result<std::string>&& result, std::string unit, std::string address) {
    facts_.inspect(unit, address, text_reply("Inspect", std::move(result)));
}

void Object::Pm2Apps(sdbus::Result<std::string>&& result, std::string unit) {
    facts_.pm2_apps(unit, text_reply("Pm2Apps", std::move(result)));
}

void Object::PacketFilter(sdbus::Result<std::string, std::string>&& result) {
    facts_.packet_filter(
        [this, kept = keep(std::move(result))](const Reply<PacketFilterFact>& reply) {
            answer([&] {
                if (const auto* fault = std::get_if<Fault>(&reply)) {
                    kept->returnError(denial("PacketFilter", *fault));
                    return;
                }
                const auto& fact = std::get<PacketFilterFact>(reply);
                kept->returnResults(fact.format, fact.text);
            });
        });
}

std::tuple<std::vector<AttemptStruct>,
           std::vector<LatchStruct>,
           std::vector<PauseStruct>,
           std::vector<ForgivenStruct>,
           std::vector<ApprovalStruct>,
           std::string>
Object::Ledger() {
    const core::Ledger& ledger = executor_.ledger();
    std::vector<AttemptStruct> attempts;
    for (const core::Attempt& attempt : ledger.attempts) {
        attempts.emplace_back(attempt.id,
                              usec(attempt.time),
                              attempt.rule,
                              attempt.act,
                              attempt.unit,
                              attempt.incident,
                              std::string{core::act_outcome_id(attempt.outcome)},
                              std::string{core::act_verdict_id(attempt.verdict)},
                              std::string{core::undo_state_id(attempt.undo)},
                              usec(attempt.undo_by),
                              ParameterMap(attempt.parameters.begin(), attempt.parameters.end()),
                              attempt.act_class,
                              attempt.is_uncounted);
    }
    std::vector<LatchStruct> latches;
    for (const core::Latch& latch : ledger.latches) {
        latches.emplace_back(
            latch.unit, usec(latch.since), latch.reason, latch.rule, latch.act_class);
    }
    std::vector<PauseStruct> pauses;
    if (ledger.pause) {
        pauses.emplace_back(usec(ledger.pause->until), ledger.pause->reason, ledger.pause->by);
    }
    std::vector<ForgivenStruct> forgiven;
    for (const auto& [unit, since] : ledger.forgiven) {
        forgiven.emplace_back(unit, usec(since));
    }
    std::vector<ApprovalStruct> approvals;
    for (const core::Approval& approval : ledger.approvals) {
        approvals.emplace_back(approval.digest, usec(approval.until), approval.by);
    }
    return {std::move(attempts),
            std::move(latches),
            std::move(pauses),
            std::move(forgiven),
            std::move(approvals),
            core::sanitize(ledger.unreadable)};
}

void Object::Propose(sdbus::Result<std::string, std::string>&& result,
                     std::string act,
                     std::string unit,
                     std::string rule,
                     std::string cause,
                     std::string expected_active,
                     std::string expected_invocation,
                     std::uint64_t deadline_usec,
                     ParameterMap parameters) {
    executor_.propose({.act = std::move(act),
                       .unit = std::move(unit),
                       .rule = std::move(rule),
                       .cause = std::move(cause),
                       .expected_active = std::move(expected_active),
                       .expected_invocation = std::move(expected_invocation),
                       .deadline_usec = deadline_usec,
                       .parameters = std::move(parameters)},
                      proposal_reply("Propose", std::move(result)));
}

void Object::Plan(sdbus::Result<std::string, std::string>&& result,
                  std::string act,
                  std::string unit,
                  std::string rule,
                  std::string cause,
                  std::string expected_active,
                  std::string expected_invocation,
                  std::uint64_t deadline_usec,
                  ParameterMap parameters) {
    executor_.plan({.act = std::move(act),
                    .unit = std::move(unit),
                    .rule = std::move(rule),
                    .cause = std::move(cause),
                    .expected_active = std::move(expected_active),
                    .expected_invocation = std::move(expected_invocation),
                    .deadline_usec = deadline_usec,
                    .parameters = std::move(parameters)},
                   proposal_reply("Plan", std::move(result)));
}

void Object::Execute(sdbus::Result<std::uint64_t, std::string, std::string>&& result,
                     std::string digest,
                     std::uint64_t incident) {
    executor_.execute(
        digest, incident, [this, kept = keep(std::move(result))](const Reply<ActResult>& reply) {
            answer([&] {
                if (const auto* fault = std::get_if<Fault>(&reply)) {
                    kept->returnError(denial("Execute", *fault));
                    return;
                }
                const auto& act = std::get<ActResult>(reply);
                kept->returnResults(
                    act.attempt, std::string{core::act_outcome_id(act.outcome)}, act.detail);
            });
        });
}

void Object::Confirm(const std::uint64_t& attempt,
                     const std::string& verdict,
                     const std::string& detail) {
    (void)value_or_throw("Confirm", executor_.confirm(attempt, verdict, detail));
}

void Object::Latch(sdbus::Result<>&& result, std::string unit, std::string rule) {
    executor_.latch(
        unit, rule, [this, kept = keep(std::move(result))](const Reply<core::Done>& reply) {
            answer([&] {
                if (const auto* fault = std::get_if<Fault>(&reply)) {
                    kept->returnError(denial("Latch", *fault));
                } else {
                    kept->returnResults();
                }
            });
        });
}

void Object::Rollback(sdbus::Result<std::string>&& result, std::uint64_t attempt) {
    const Asker asker = caller() == 0 ? Asker::kRoot : Asker::kAgent;
    executor_.roll_back(attempt, asker, text_reply("Rollback", std::move(result)));
}

void Object::ReviewRollback(sdbus::Result<std::string>&& result, std::uint64_t attempt) {
    const auto reply = text_reply("ReviewRollback", std::move(result));
    if (caller() != 0) {
        reply(Fault{FaultKind::kNotAllowed, "this is for root alone"});
        return;
    }
    executor_.review_rollback(attempt, reply);
}

void Object::Approve(const std::string& digest) {
    const std::string by = require_root("Approve");
    (void)value_or_throw("Approve", executor_.approve(digest, by));
}

std::tuple<std::string, std::string, std::string, ParameterMap, std::string, std::string>
Object::Reveal(const std::string& digest) {
    (void)require_root("Reveal");
    const Reply<Finding> reply = executor_.reveal(digest);
    if (const auto* fault = std::get_if<Fault>(&reply)) {
        throw make_error(*fault);  // nothing was denied
    }
    const auto& known = std::get<Finding>(reply);
    return {std::string{actions::spec(known.plan.act).name},
            known.plan.unit,
            known.plan.rule,
            ParameterMap(known.plan.parameters.begin(), known.plan.parameters.end()),
            known.preview,
            known.full_preview};
}

void Object::Pause(const std::uint64_t& seconds, const std::string& reason) {
    const std::string by = require_root("Pause");
    (void)value_or_throw("Pause", executor_.pause(seconds, reason, by));
}

void Object::Resume() {
    const std::string by = require_root("Resume");
    (void)value_or_throw("Resume", executor_.resume(by));
}

void Object::Lift(const std::string& unit) {
    const std::string by = require_root("Lift");
    (void)value_or_throw("Lift", executor_.lift(unit, by));
}

void Object::Acknowledge(const std::uint64_t& attempt, const std::vector<MarkStruct>& findings) {
    const std::string by = require_root("Acknowledge");
    if (attempt != 0) {
        (void)value_or_throw("Acknowledge", executor_.acknowledge_attempt(attempt, by));
        return;
    }
    Acknowledgement said{.by = by, .findings = {}};
    for (const MarkStruct& mark : findings) {
        said.findings.push_back({std::get<0>(mark), std::get<1>(mark), std::get<2>(mark)});
    }
    (void)value_or_throw("Acknowledge", executor_.acknowledge(said));
}

std::string Object::Reload() {
    return executor_.reload();
}

uid_t Object::caller() const {
    // The bus daemon is asked who the caller is; the caller is not.
#if GATEMEND_SDBUS_MAJOR >= 2
    return getObject().getCurrentlyProcessedMessage().getCredsEuid();
#else
    const sdbus::Message* message = getObject().getCurrentlyProcessedMessage();
    return message == nullptr ? static_cast<uid_t>(-1) : message->getCredsEuid();
#endif
}

std::string Object::require_root(const char* method) {
    if (caller() != 0) {
        throw denial(method, {FaultKind::kNotAllowed, "this is for root alone"});
    }
    return "uid 0";
}

}  // namespace

ExecutorObject::~ExecutorObject() = default;

core::Result<std::unique_ptr<ExecutorObject>> ExecutorObject::make(bus::Connection& connection,
                                                                   Executor& executor,
                                                                   FactDesk& facts) {
    try {
        return std::unique_ptr<ExecutorObject>{
            std::make_unique<Object>(connection, executor, facts)};
    } catch (const sdbus::Error& error) {
        return core::Error{"offer " + std::string{kExecutorName} + ": " + error.getMessage()};
    }
}

}  // namespace gatemend::sandbox
