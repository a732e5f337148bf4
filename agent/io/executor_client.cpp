// SPDX-License-Identifier: MIT
// Why not the generated proxy: its asynchronous replies arrive in one virtual function per method,
// so two probes under way could not be told apart, and its other calls block.
#include "io/executor_client.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

namespace gatemend::io {

namespace {

using bus::MaybeError;

constexpr const char* kName = "org.gatemend.Executor1";
constexpr const char* kPath = "/org/gatemend/Executor1";
constexpr const char* kInterface = "org.gatemend.Executor1";
constexpr std::string_view kOwnErrors = "org.gatemend.Error.";

// Longer than the executor's own limits for the same thing: its answer is better than our timeout.
constexpr core::Duration kQuickDeadline = std::chrono::seconds{10};
constexpr core::Duration kToolDeadline = std::chrono::seconds{60};
constexpr core::Duration kMargin = std::chrono::seconds{20};

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
using LatchTuple = sdbus::Struct<std::string, std::int64_t, std::string, std::string, std::string>;
using PauseTuple = sdbus::Struct<std::int64_t, std::string, std::string>;
using ForgivenTuple = sdbus::Struct<std::string, std::int64_t>;
using ApprovalTuple = sdbus::Struct<std::string, std::int64_t, std::string>;

core::Error error_of(const char* method, const sdbus::Error& error) {
    return core::Error{std::string("executor, ") + method + ": " +
                       core::sanitize(std::string(error.getMessage()))};
}

// The executor itself said no, so nothing was done; anything else leaves that open.
bool is_own_answer(const sdbus::Error& error) {
    return std::string(error.getName()).starts_with(kOwnErrors);
}

core::TimePoint time_of(std::int64_t usec) {
    return core::TimePoint{core::Duration{usec}};
}

core::Result<core::Attempt> attempt_of(const AttemptTuple& item) {
    const auto outcome = core::act_outcome_from_id(std::get<6>(item));
    const auto verdict = core::act_verdict_from_id(std::get<7>(item));
    const auto undo = core::undo_state_from_id(std::get<8>(item));
    if (!outcome || !verdict || !undo) {
        return core::Error{"executor, Ledger: an attempt with unknown outcome, verdict or undo"};
    }
    core::Attempt attempt;
    attempt.id = std::get<0>(item);
    attempt.time = time_of(std::get<1>(item));
    attempt.rule = std::get<2>(item);
    attempt.act = std::get<3>(item);
    attempt.unit = std::get<4>(item);
    attempt.incident = std::get<5>(item);
    attempt.outcome = *outcome;
    attempt.verdict = *verdict;
    attempt.undo = *undo;
    attempt.undo_by = time_of(std::get<9>(item));
    attempt.parameters.insert(std::get<10>(item).begin(), std::get<10>(item).end());
    attempt.act_class = std::get<11>(item);
    attempt.is_uncounted = std::get<12>(item);
    return attempt;
}

struct LedgerAnswer {
    const std::vector<AttemptTuple>& attempts;
    const std::vector<LatchTuple>& latches;
    const std::vector<PauseTuple>& pauses;
    const std::vector<ForgivenTuple>& forgiven;
    const std::vector<ApprovalTuple>& approvals;
};

core::Result<core::Ledger> ledger_of(const LedgerAnswer& answer) {
    core::Ledger ledger;
    const std::size_t skip =
        answer.attempts.size() - std::min(answer.attempts.size(), core::kMaxAttempts);
    for (std::size_t i = skip; i < answer.attempts.size(); ++i) {
        GATEMEND_TRY(attempt, attempt_of(answer.attempts[i]));
        ledger.attempts.push_back(std::move(attempt));
    }
    for (const LatchTuple& item : answer.latches) {
        ledger.latches.push_back(core::Latch{std::get<0>(item),
                                             time_of(std::get<1>(item)),
                                             std::get<2>(item),
                                             std::get<3>(item),
                                             std::get<4>(item)});
    }
    if (!answer.pauses.empty()) {
        const PauseTuple& item = answer.pauses.front();
        ledger.pause =
            core::Pause{time_of(std::get<0>(item)), std::get<1>(item), std::get<2>(item)};
    }
    for (const ForgivenTuple& item : answer.forgiven) {
        ledger.forgiven.emplace_back(std::get<0>(item), time_of(std::get<1>(item)));
    }
    for (const ApprovalTuple& item : answer.approvals) {
        ledger.approvals.push_back(
            core::Approval{std::get<0>(item), time_of(std::get<1>(item)), std::get<2>(item)});
    }
    return ledger;
}

core::ActAnswered answer_of(std::uint64_t incident, core::ActReply reply, std::string detail) {
    core::ActAnswered answered;
    answered.incident = incident;
    answered.reply = reply;
    answered.detail = std::move(detail);
    return answered;
}

// "kind: sentence" of the executor's Refused, the kind taken out.
core::ActAnswered refusal_of(std::uint64_t incident,
                             const char* method,
                             const sdbus::Error& error) {
    const auto how = is_own_answer(error) ? core::ActReply::kRefused : core::ActReply::kLost;
    core::ActAnswered answer = answer_of(incident, how, error_of(method, error).text);
    const std::string& text = error.getMessage();
    answer.hold = core::hold_kind_from_id(std::string_view{text}.substr(0, text.find(':')));
    return answer;
}

class Client final : public ExecutorClient {
  public:
    Client(bus::Connection& connection, Hooks hooks)
        : hooks_(std::move(hooks)),
          proxy_(sdbus::createProxy(
              connection.raw(), bus::ServiceName{kName}, bus::ObjectPath{kPath})) {
        proxy_->uponSignal("LedgerChanged").onInterface(kInterface).call([this] {
            hooks_.on_ledger_changed();
        });
#if GATEMEND_SDBUS_MAJOR < 2
        proxy_->finishRegistration();
#endif
        watch_owner(connection.raw());
    }

    void nginx_dump(Reply<NginxDump> done) override {
        const auto reply = [done](MaybeError error,
                                  const sdbus::UnixFd& fd,
                                  std::int32_t exit_status,
                                  const std::string& diagnostics) {
            if (error) {
                done(error_of("NginxDump", *error));
                return;
            }
            auto dump = read_descriptor(fd.get(), kMaxDumpBytes);
            if (!dump) {
                done(dump.error().within("executor, NginxDump"));
                return;
            }
            done(NginxDump{exit_status, std::move(*dump), diagnostics});
        };
        call("NginxDump", kToolDeadline, done, reply);
    }

    void open_log(const std::string& path, Reply<bus::UniqueFd> done) override {
        const auto reply = [done](MaybeError error, sdbus::UnixFd fd) {
            if (error) {
                done(error_of("OpenLog", *error));
            } else {
                done(bus::UniqueFd(fd.release()));
            }
        };
        call("OpenLog", kQuickDeadline, done, reply, path);
    }

    void test_config(const std::string& unit, Reply<ConfigTestReply> done) override {
        const auto reply = [done](MaybeError error,
                                  const std::string& verdict,
                                  const std::string& fingerprint,
                                  const std::string& output) {
            if (error) {
                done(error_of("TestConfig", *error));
            } else {
                done(ConfigTestReply{verdict, fingerprint, output});
            }
        };
        call("TestConfig", kToolDeadline, done, reply, unit);
    }

    void probe(const core::ProbeQuestion& question, Reply<std::string> done) override {
        const auto reply = [done](MaybeError error, const std::string& line) {
            if (error) {
                done(error_of("Probe", *error));
            } else {
                done(line);
            }
        };
        call(
            "Probe",
            question.timeout + kMargin,
            done,
            reply,
            std::string(core::probe_kind_id(question.kind)),
            question.address,
            question.name,
            static_cast<std::uint64_t>(std::max<core::Duration::rep>(question.timeout.count(), 0)));
    }

    void inspect(const std::string& unit,
                 const std::string& address,
                 Reply<std::string> done) override {
        const auto reply = [done](MaybeError error, const std::string& text) {
            if (error) {
                done(error_of("Inspect", *error));
            } else {
                done(text);
            }
        };
        call("Inspect", kToolDeadline, done, reply, unit, address);
    }

    void packet_filter(Reply<PacketFilterText> done) override {
        const auto reply =
            [done](MaybeError error, const std::string& format, const std::string& text) {
                if (error) {
                    done(error_of("PacketFilter", *error));
                } else {
                    done(PacketFilterText{format, text});
                }
            };
        call("PacketFilter", kToolDeadline, done, reply);
    }

    void pm2_apps(const std::string& unit, Reply<std::string> done) override {
        const auto reply = [done](MaybeError error, const std::string& text) {
            if (error) {
                done(error_of("Pm2Apps", *error));
            } else {
                done(text);
            }
        };
        call("Pm2Apps", kToolDeadline, done, reply, unit);
    }

    void read_ledger(Reply<core::Ledger> done) override {
        const auto reply = [done](MaybeError error,
                                  const std::vector<AttemptTuple>& attempts,
                                  const std::vector<LatchTuple>& latches,
                                  const std::vector<PauseTuple>& pauses,
                                  const std::vector<ForgivenTuple>& forgiven,
                                  const std::vector<ApprovalTuple>& approvals,
                                  const std::string& unreadable) {
            if (error) {
                done(error_of("Ledger", *error));
                return;
            }
            auto ledger = ledger_of(LedgerAnswer{attempts, latches, pauses, forgiven, approvals});
            if (ledger) {
                ledger->unreadable = core::sanitize(unreadable);
            }
            done(std::move(ledger));
        };
        call("Ledger", kQuickDeadline, done, reply);
    }

    void act(std::uint64_t incident,
             const actions::Plan& plan,
             std::function<void(core::ActAnswered)> asker) override {
        const core::Duration deadline = plan.deadline + kMargin;
        const std::function<void(core::ActAnswered)> done =
            actions::is_file_act(plan.act) ? told_first(std::move(asker)) : std::move(asker);
        const auto reply = [this, incident, deadline, done](MaybeError error,
                                                            const std::string& digest,
                                                            const std::string& /*preview*/) {
            if (error) {
                done(refusal_of(incident, "Plan", *error));
            } else {
                execute(digest, incident, deadline, done);
            }
        };
        const Reply<core::Done> failed = [incident, done](const core::Status& status) {
            done(answer_of(incident, core::ActReply::kLost, status.error().text));
        };
        call_with_plan("Plan", plan, failed, reply);
    }

    void propose(const actions::Plan& plan, Reply<Proposal> done) override {
        const auto reply =
            [done](MaybeError error, const std::string& digest, const std::string& preview) {
                if (error) {
                    done(error_of("Propose", *error));
                } else {
                    done(Proposal{digest, preview});
                }
            };
        call_with_plan("Propose", plan, done, reply);
    }

    void roll_back(std::uint64_t attempt, Reply<core::Done> done) override {
        const Reply<core::Done> told = told_first(std::move(done));
        call("Rollback", kToolDeadline, told, plain_reply("Rollback", told), attempt);
    }

    void latch(const std::string& unit, const std::string& rule, Reply<core::Done> done) override {
        call("Latch", kQuickDeadline, done, plain_reply("Latch", done), unit, rule);
    }

    void confirm(std::uint64_t attempt,
                 core::ActVerdict verdict,
                 const std::string& detail,
                 Reply<core::Done> done) override {
        call("Confirm",
             kQuickDeadline,
             done,
             plain_reply("Confirm", done),
             attempt,
             std::string(core::act_verdict_id(verdict)),
             detail.substr(0, core::kMaxShownBytes));
    }

    void reload(Reply<std::string> done) override {
        const auto reply = [done](MaybeError error, const std::string& problem) {
            if (error) {
                done(error_of("Reload", *error));
            } else {
                done(core::sanitize(problem.substr(0, problem.find('\n'))));  // then the source
            }
        };
        call("Reload", kQuickDeadline, done, reply);
    }

  private:
    template <class Failed, class OnReply>
    void call_with_plan(const char* method,
                        const actions::Plan& plan,
                        const Failed& failed,
                        const OnReply& reply) {
        call(method,
             kToolDeadline,
             failed,
             reply,
             std::string(actions::spec(plan.act).name),
             plan.unit,
             plan.rule,
             std::string(core::cause_id(plan.cause)),
             std::string(core::active_state_id(plan.expected_active)),
             plan.expected_invocation,
             static_cast<std::uint64_t>(plan.deadline.count()),
             std::map<std::string, std::string>(plan.parameters.begin(), plan.parameters.end()));
    }

    // What nginx's configuration names may be probed: after a change of files that may be something
    // else, and the executor has to have read it before anybody asks.
    template <class Answer>
    std::function<void(Answer)> told_first(std::function<void(Answer)> done) {
        return [this, done = std::move(done)](const std::decay_t<Answer>& answer) {
            nginx_dump([done, answer](const core::Result<NginxDump>& /*only for the executor*/) {
                done(answer);
            });
        };
    }

    void execute(const std::string& digest,
                 std::uint64_t incident,
                 core::Duration deadline,
                 const std::function<void(core::ActAnswered)>& done) {
        const auto reply = [incident, done](MaybeError error,
                                            std::uint64_t attempt,
                                            const std::string& outcome,
                                            const std::string& detail) {
            if (error) {
                done(refusal_of(incident, "Execute", *error));
                return;
            }
            const auto known = core::act_outcome_from_id(outcome);
            core::ActAnswered answered =
                answer_of(incident,
                          known ? core::ActReply::kDone : core::ActReply::kLost,
                          known ? core::sanitize(detail) : "executor, Execute: unknown outcome");
            answered.attempt = attempt;
            answered.outcome = known.value_or(core::ActOutcome::kPending);
            done(std::move(answered));
        };
        const Reply<core::Done> failed = [incident, done](const core::Status& status) {
            done(answer_of(incident, core::ActReply::kLost, status.error().text));
        };
        call("Execute", deadline, failed, reply, digest, incident);
    }

    static std::function<void(MaybeError)> plain_reply(const char* method, Reply<core::Done> done) {
        return [method, done = std::move(done)](MaybeError error) {
            if (error) {
                done(error_of(method, *error));
            } else {
                done(core::Done{});
            }
        };
    }

    // `done` hears of a call that could not even be sent.
    template <class Failed, class OnReply, class... Arguments>
    void call(const char* method,
              core::Duration deadline,
              const Failed& done,
              const OnReply& on_reply,
              const Arguments&... arguments) {
        try {
            (void)proxy_->callMethodAsync(method)
                .onInterface(kInterface)
                .withTimeout(deadline)
                .withArguments(arguments...)
                .uponReplyInvoke(on_reply);
        } catch (const sdbus::Error& error) {
            done(error_of(method, error));
        }
    }

    // arg0 in the match: otherwise every program that joins or leaves the bus would wake us.
    void watch_owner(sdbus::IConnection& connection) {
        const auto on_change = [this](auto&& message) {
            std::string name;
            std::string old_owner;
            std::string new_owner;
            message >> name >> old_owner >> new_owner;
            if (!new_owner.empty()) {
                hooks_.on_started();
            }
        };
        const std::string match =
            "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
            "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
            "arg0='org.gatemend.Executor1'";
#if GATEMEND_SDBUS_MAJOR >= 2
        owner_ = connection.addMatch(match, on_change, sdbus::return_slot);
#else
        owner_ = connection.addMatch(match, on_change);
#endif
    }

    Hooks hooks_;
    std::unique_ptr<sdbus::IProxy> proxy_;
    sdbus::Slot owner_;
};

}  // namespace

ExecutorClient::~ExecutorClient() = default;

core::Result<std::unique_ptr<ExecutorClient>> ExecutorClient::open(bus::Connection& connection,
                                                                   Hooks hooks) {
    try {
        return std::unique_ptr<ExecutorClient>(
            std::make_unique<Client>(connection, std::move(hooks)));
    } catch (const sdbus::Error& error) {
        return core::Error{"watch the executor: " + error.getMessage()};
    }
}

core::Result<std::string> read_descriptor(int fd, std::size_t limit) {
    std::string content;
    std::vector<char> chunk(std::size_t{64} * 1024);
    while (content.size() <= limit) {
        const ssize_t got =
            ::pread(fd, chunk.data(), chunk.size(), static_cast<off_t>(content.size()));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return core::Error{"read: " + std::generic_category().message(errno)};
        }
        if (got == 0) {
            return content;
        }
        content.append(chunk.data(), static_cast<std::size_t>(got));
    }
    return core::Error{"read: larger than " + std::to_string(limit) + " bytes"};
}

}  // namespace gatemend::io
