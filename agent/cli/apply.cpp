// SPDX-License-Identifier: MIT
#include "cli/apply.hpp"

#include "app/driver.hpp"
#include "app/service_logs.hpp"
#include "app/standings.hpp"
#include "cli/approval.hpp"
#include "cli/bus_call.hpp"
#include "cli/exit_code.hpp"
#include "cli/one_plan_executor.hpp"
#include "cli/suggested_plan.hpp"
#include "core/text.hpp"
#include "io/journal_excerpt.hpp"
#include "sandbox/bus/systemd_client.hpp"
#include "sandbox/journal/last_job.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace gatemend::cli {

namespace {

using app::Json;

// From here to the executor's answer, and from there to the verdict beyond the rule's own times.
constexpr core::Duration kUntilActed = std::chrono::minutes{3};
constexpr core::Duration kUntilVerdict = std::chrono::minutes{10};
constexpr std::chrono::milliseconds kPace{500};

void warn(const std::string& text) {
    (void)std::fprintf(stderr, "gatemend: %s\n", text.c_str());
}

int failed(const std::string& text) {
    warn(text);
    return kExitFailed;
}

// "": the dry run of now does not lead to that digest.
std::string find_plan(const Json& document, const std::string& digest) {
    for (const char* key : {"plans", "proposals"}) {
        for (const Json& plan : document[key]) {
            if (plan["digest"] == digest) {
                return plan["act"].get<std::string>() + " " + plan["unit"].get<std::string>();
            }
        }
    }
    return "";
}

struct Outcome {
    std::optional<core::ActAnswered> answer;
    std::optional<core::ActVerdict> verdict;
    std::string detail;
    std::uint64_t by_agent = 0;  // the attempt of the running agent, which saw the yes first
};

// What is to be performed: the act that a diagnosis leads to, or one that was suggested without an
// incident.
struct Piece {
    std::string digest;
    std::string words;  // act and unit
    policy::Policy policy;
    core::Topology topology;
    std::vector<core::SymptomSeen> symptoms{};
    std::optional<actions::Plan> suggested{};
    std::string service{};           // whose backends the suggestion is for
    std::uint64_t last_attempt = 0;  // on record before the yes
};

// Of acts that were asked for outside of an incident, in the executor's record.
constexpr std::uint64_t kNoIncident = 0;

// The agent's own driver around the engine, for one act.
class Performance {
  public:
    Performance(bus::EventLoop& loop, const Piece& piece) : loop_(loop), piece_(piece) {}

    core::Result<Outcome> run() {
        GATEMEND_CHECK(open());
        real_->nginx_dump([this](const core::Result<io::NginxDump>& dump) {
            if (!dump) {
                warn(dump.error().text);
            }
            // the executor knows now which addresses may be probed
            if (piece_.suggested) {
                perform_suggestion();
            } else {
                begin();
            }
        });
        deadline_ = loop_.add_timer(kUntilActed, [this] { loop_.exit(0); });
        if (loop_.run() < 0) {
            return core::Error{"the event loop failed"};
        }
        return outcome_;
    }

  private:
    core::Status open() {
        GATEMEND_TRY(connection,
                     bus::Connection::open_system(loop_, [this] { loop_.exit(kExitFailed); }));
        connection_ = std::move(connection);
        GATEMEND_TRY(systemd, bus::SystemdClient::open(*connection_, loop_));
        systemd_ = std::move(systemd);
        GATEMEND_TRY(
            real,
            io::ExecutorClient::open(
                *connection_, {.on_ledger_changed = [this] { refresh(); }, .on_started = [] {}}));
        real_ = std::move(real);
        one_ = std::make_unique<OnePlanExecutor>(
            *real_,
            piece_.digest,
            OnePlanExecutor::Hooks{
                .on_answer = [this](const core::ActAnswered& answer) { on_answer(answer); },
                .on_verdict =
                    [this](core::ActVerdict verdict, const std::string& detail) {
                        outcome_.verdict = verdict;
                        outcome_.detail = detail;
                        loop_.exit(0);
                    },
                .on_ledger = [this](const core::Ledger& ledger) { look_for_another(ledger); }});
        service_logs_ = std::make_unique<app::ServiceLogs>(loop_, *one_, warn);
        engine::State state;
        state.policy = piece_.policy;
        driver_ = std::make_unique<app::Driver>(
            app::Driver::Outside{.loop = loop_,
                                 .executor = *one_,
                                 .record = [](core::TimePoint, const engine::Record&) {},
                                 .read_journal = io::read_journal_excerpt,
                                 .warn = warn,
                                 .read_logs =
                                     [this](const std::string& unit,
                                            const std::string& log,
                                            app::ServiceLogs::Done done) {
                                         service_logs_->read(unit, log, std::move(done));
                                     },
                                 .identify =
                                     [this](const core::Topology& topology,
                                            core::Inspection look,
                                            std::function<void(core::Inspection)> done) {
                                         app::identify(
                                             *systemd_, topology, std::move(look), std::move(done));
                                     },
                                 .read_last_job = journal::read_last_job},
            std::move(state));
        return core::Done{};
    }

    // The agent beside us follows the same yes, and may be first.
    void look_for_another(const core::Ledger& ledger) {
        for (const core::Attempt& attempt : ledger.attempts) {
            const bool is_new = attempt.id > piece_.last_attempt;
            if (is_new && !outcome_.answer && attempt.act + " " + attempt.unit == piece_.words) {
                outcome_.by_agent = attempt.id;
                loop_.exit(0);
            }
        }
    }

    void refresh() {
        if (driver_) {
            driver_->refresh_ledger();
        }
    }

    void begin() {
        driver_->refresh_ledger();
        driver_->feed(core::TopologyLearnt{piece_.topology});
        for (const core::SymptomSeen& seen : piece_.symptoms) {
            driver_->feed(seen);
        }
        for (const core::Service& service : piece_.topology.services) {
            systemd_->watch_unit(service.unit,
                                 [this, unit = service.unit](const core::UnitState& state) {
                                     driver_->feed(core::UnitSeen{unit, state});
                                 });
        }
    }

    // No diagnosis leads to it, so the engine takes it up where it has been done: as an act of an
    // agent before it, which it verifies like its own.
    void perform_suggestion() {
        one_->act(kNoIncident, *piece_.suggested, [this](const core::ActAnswered& answer) {
            if (answer.reply != core::ActReply::kDone) {
                on_answer(answer);  // also what was refused before it came to the executor
                return;
            }
            begin();
            driver_->feed(core::IncidentRestored{kNoIncident, piece_.service, loop_.now()});
        });
    }

    void on_answer(const core::ActAnswered& answer) {
        outcome_.answer = answer;
        outcome_.detail = answer.detail;
        if (answer.reply != core::ActReply::kDone) {
            loop_.exit(0);
            return;
        }
        (void)std::fprintf(stderr,
                           "attempt %llu %s: %s; verifying\n",
                           static_cast<unsigned long long>(answer.attempt),
                           std::string{core::act_outcome_id(answer.outcome)}.c_str(),
                           answer.detail.c_str());
        deadline_ = loop_.add_timer(kUntilVerdict, [this] { loop_.exit(0); });
    }

    bus::EventLoop& loop_;
    const Piece& piece_;
    Outcome outcome_;
    std::unique_ptr<bus::Connection> connection_;
    std::unique_ptr<bus::SystemdClient> systemd_;
    std::unique_ptr<io::ExecutorClient> real_;
    std::unique_ptr<OnePlanExecutor> one_;
    std::unique_ptr<app::ServiceLogs> service_logs_;
    std::unique_ptr<app::Driver> driver_;
    bus::Source deadline_;
};

std::string result_text(const Outcome& outcome) {
    if (!outcome.answer) {
        return "not performed: the diagnosis no longer led to this plan";
    }
    if (outcome.answer->reply == core::ActReply::kRefused) {
        return "not performed: " + outcome.detail;
    }
    if (outcome.answer->reply == core::ActReply::kLost) {
        return "no answer from the executor: " + outcome.detail + "; see `gatemend audit`";
    }
    const std::string undo =
        "; `gatemend rollback --attempt " + std::to_string(outcome.answer->attempt) + "` undoes it";
    return outcome.verdict
               ? std::string{core::act_verdict_id(*outcome.verdict)} + ": " + outcome.detail +
                     (*outcome.verdict == core::ActVerdict::kEffective ? undo : "")
               : "performed, but not verified in time; what it changed is undone by itself";
}

int print(const ApplyOptions& options, const Outcome& outcome) {
    const bool is_effective = outcome.verdict == core::ActVerdict::kEffective;
    const std::string text = result_text(outcome);
    if (options.dry_run.is_json) {
        const Json document{
            {"digest", options.digest},
            {"performed", outcome.answer && outcome.answer->reply == core::ActReply::kDone},
            {"attempt", outcome.answer ? Json(outcome.answer->attempt) : Json(nullptr)},
            {"verdict",
             outcome.verdict ? Json(std::string{core::act_verdict_id(*outcome.verdict)})
                             : Json(nullptr)},
            {"text", text}};
        (void)std::printf("%s\n", app::dump(document).c_str());
    } else {
        (void)std::printf("%s\n", text.c_str());
    }
    return is_effective ? kExitOk : kExitFailed;
}

bool is_digest(const std::string& text) {
    constexpr std::size_t kDigits = 64;
    return text.size() == kDigits && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

// What is diagnosed now, or else suggested now. An error says what there is instead.
core::Result<Piece> find_piece(const ApplyOptions& options) {
    GATEMEND_TRY(rehearsal, rehearse(options.dry_run));
    if (const std::string plan = find_plan(rehearsal.document, options.digest); !plan.empty()) {
        (void)std::fprintf(stderr, "%s, plan %s\n", plan.c_str(), options.digest.c_str());
        return Piece{options.digest,
                     plan,
                     std::move(rehearsal.policy),
                     std::move(rehearsal.topology),
                     std::move(rehearsal.symptoms)};
    }
    SuggestOptions suggest;
    suggest.policies = options.dry_run.policies;
    suggest.topology = options.dry_run.topology;
    GATEMEND_TRY(found, find_suggestion(suggest, options.digest));
    if (!found) {
        const std::string now = plans_text(rehearsal.document);
        return core::Error{
            "there is no such plan now, and nothing like it is suggested" +
            (now.empty() ? "; nothing would be done" : "; here is what would be done\n" + now)};
    }
    const std::string act{actions::spec(found->plan.act).name};
    (void)std::fprintf(stderr,
                       "%s %s as suggested, plan %s\n",
                       act.c_str(),
                       found->plan.unit.c_str(),
                       options.digest.c_str());
    return Piece{options.digest,
                 act + " " + found->plan.unit,
                 std::move(found->policy),
                 std::move(found->topology),
                 {},
                 std::move(found->plan),
                 std::move(found->service)};
}

// What became of an act that the agent has performed, by the executor's record.
int follow_record(const ApplyOptions& options, std::uint64_t id) {
    (void)std::fprintf(
        stderr,
        "attempt %llu is the running agent's, which saw the approval; following it\n",
        static_cast<unsigned long long>(id));
    const auto give_up = std::chrono::steady_clock::now() + kUntilVerdict;
    Outcome outcome;
    outcome.answer = core::ActAnswered{};
    outcome.answer->reply = core::ActReply::kDone;
    outcome.answer->attempt = id;
    while (std::chrono::steady_clock::now() < give_up) {
        std::vector<RecordedAttempt> attempts;
        if (const int code = read_attempts(attempts); code != kExitOk) {
            return code;
        }
        const auto found = std::find_if(
            attempts.begin(), attempts.end(), [id](const auto& item) { return item.id == id; });
        if (found == attempts.end()) {
            break;
        }
        outcome.verdict = core::act_verdict_from_id(found->verdict);
        const bool has_failed = found->outcome == "failed" || found->outcome == "interrupted";
        const bool is_back = found->undo == "undone" || found->undo == "undo-failed";
        if (outcome.verdict != core::ActVerdict::kPending || has_failed || is_back) {
            outcome.detail = found->act + " " + found->unit + " " + found->outcome +
                             (found->undo == "nothing" ? "" : ", " + found->undo);
            break;
        }
        std::this_thread::sleep_for(kPace);
    }
    if (outcome.verdict == core::ActVerdict::kPending && !outcome.detail.empty()) {
        outcome.verdict = core::ActVerdict::kIneffective;  // failed or undone before a verdict
    } else if (outcome.verdict == core::ActVerdict::kPending) {
        outcome.verdict.reset();
    }
    return print(options, outcome);
}

// 0: it is ours, or nobody has performed it.
std::uint64_t find_another(const Piece& piece, const Outcome& outcome) {
    const bool is_ours = outcome.answer && outcome.answer->reply != core::ActReply::kRefused;
    std::vector<RecordedAttempt> attempts;
    if (outcome.by_agent != 0 || is_ours || read_attempts(attempts) != kExitOk) {
        return outcome.by_agent;
    }
    for (const RecordedAttempt& attempt : attempts) {
        if (attempt.id > piece.last_attempt && attempt.act + " " + attempt.unit == piece.words) {
            return attempt.id;
        }
    }
    return 0;
}

// The last one on record; its number is known before the yes is given.
int note_last_attempt(Piece& piece) {
    std::vector<RecordedAttempt> attempts;
    const int code = read_attempts(attempts);
    for (const RecordedAttempt& attempt : attempts) {
        piece.last_attempt = std::max(piece.last_attempt, attempt.id);
    }
    return code;
}

}  // namespace

int run_apply(const ApplyOptions& options) {
    if (!is_digest(options.digest)) {
        (void)failed("apply: a plan's digest has 64 hex digits, as `gatemend --dry-run` prints it");
        return kExitUsage;
    }
    if (::geteuid() != 0) {
        return failed("apply needs root");
    }
    auto piece = find_piece(options);
    if (!piece) {
        return failed(piece.error().text);
    }
    if (const int code = note_last_attempt(*piece); code != kExitOk) {
        return code;
    }
    if (const int code = approve_digest(options.digest); code != kExitOk) {
        return code;
    }
    auto loop = bus::EventLoop::open();
    if (!loop) {
        return failed(loop.error().text);
    }
    const auto outcome = Performance(*loop, *piece).run();
    if (const std::uint64_t other = outcome ? find_another(*piece, *outcome) : 0; other != 0) {
        return follow_record(options, other);
    }
    return outcome ? print(options, *outcome) : failed(outcome.error().text);
}

}  // namespace gatemend::cli
