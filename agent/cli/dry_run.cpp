// SPDX-License-Identifier: MIT
#include "cli/dry_run.hpp"

#include "app/incident_history.hpp"
#include "cli/dry_run_driver.hpp"
#include "cli/exit_code.hpp"
#include "cli/incident_text.hpp"
#include "cli/machinery.hpp"
#include "cli/recent_symptoms.hpp"
#include "sandbox/audit/audit_reader.hpp"
#include "sandbox/audit/digest.hpp"
#include "sandbox/audit/ledger_builder.hpp"

#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <map>

namespace gatemend::cli {

namespace {

int failed(const std::string& text) {
    (void)std::fprintf(stderr, "gatemend: %s\n", text.c_str());
    return kExitFailed;
}

// The executor's own reading of its record: past attempts count here, too.
core::Ledger read_ledger(const std::string& path) {
    struct stat info {};

    if (::stat(path.c_str(), &info) != 0 && errno == ENOENT) {
        return {};  // never acted
    }
    sandbox::LedgerBuilder builder;
    const auto report =
        sandbox::read_audit(path, [&builder](std::string_view line) { builder.take(line); });
    core::Ledger ledger = std::move(builder).finish();
    if (!report) {
        ledger.unreadable = report.error().text;
    } else if (report->problem != sandbox::AuditProblem::kNone &&
               report->problem != sandbox::AuditProblem::kTornLastLine) {
        ledger.unreadable = report->text;
    }
    return ledger;
}

// The service may have seen what no job tells of, as that a unit was disabled while it was down.
std::map<std::string, core::TimePoint, std::less<>> read_stops(const std::string& path) {
    std::map<std::string, core::TimePoint, std::less<>> stops;
    const auto history = app::load_history(path);
    if (!history) {
        return stops;  // no service has written one
    }
    for (const core::IncidentRestored& incident : history->open) {
        if (incident.stopped) {
            stops.insert_or_assign(incident.unit, *incident.stopped);
        }
    }
    return stops;
}

Json plan_of(const ExactPlan& exact) {
    Json plan = app::plan_document(exact.plan, exact.digest, exact.preview);
    plan["incident"] = exact.incident;
    return plan;
}

// What would be asked for; `number` is what approve takes.
Json proposals_of(const engine::State& state) {
    Json list = Json::array();
    for (const auto& [id, incident] : state.incidents) {
        std::size_t number = 0;
        for (const engine::Proposal& item : incident.proposals) {
            ++number;
            if (!item.digest.empty()) {
                list.push_back(plan_of(ExactPlan{id, item.plan, item.digest, item.preview}));
                list.back()["number"] = number;
            }
        }
    }
    return list;
}

Json document_of(const DryRunDriver& driver, const std::vector<std::string>& problems) {
    const engine::State& state = driver.state();
    const Json status = app::status_document(state, app::StatusExtras{});
    Json plans = Json::array();
    for (const ExactPlan& exact : driver.plans()) {
        plans.push_back(plan_of(exact));
    }
    return {{"version", GATEMEND_VERSION},
            {"complete", driver.is_complete()},
            {"problems", problems},
            {"mode", status["mode"]},
            {"pause", status["pause"]},
            {"latches", status["latches"]},
            {"services", status["services"]},
            {"unowned", status["unowned"]},
            {"incidents", driver.incidents()},
            {"plans", std::move(plans)},
            {"proposals", proposals_of(state)}};
}

void print_text(const Json& document) {
    std::string out =
        "dry run, nothing is changed; mode " + document["mode"].get<std::string>() + "\n";
    for (const Json& problem : document["problems"]) {
        out += "  problem: " + problem.get<std::string>() + "\n";
    }
    if (!document["complete"].get<bool>()) {
        out += "  incomplete: not everything answered in time\n";
    }
    out += "services\n" + services_text(document["services"]);
    for (const Json& backend : document["unowned"]) {
        out += "  no unit known for " + backend["address"].get<std::string>() + "  (" +
               backend["where"].get<std::string>() + ")\n";
    }
    for (const Json& incident : document["incidents"]) {
        out += "\n" + incident_text(incident);
    }
    out += plans_text(document);
    if (document["incidents"].empty()) {
        out += "\nnothing is wrong with what is watched\n";
    } else if (document["plans"].empty()) {
        out += document["proposals"].empty() ? "\nnothing would be done\n"
                                             : "\nnothing would be done without approval\n";
    }
    (void)std::fputs(out.c_str(), stdout);
}

}  // namespace

std::string plans_text(const Json& document) {
    std::string out;
    for (const Json& plan : document["plans"]) {
        out += "\n" + plan_text(plan);
    }
    for (const Json& plan : document["proposals"]) {
        out += "\nafter approval only, or by `gatemend apply`:\n" + plan_text(plan);
    }
    return out;
}

core::Result<Rehearsal> rehearse(const DryRunOptions& options) {
    policy::LoadedPolicy loaded = policy::load_policy(options.policies);
    if (!loaded.errors.empty()) {
        for (const policy::Diagnostic& item : loaded.errors) {
            (void)std::fprintf(stderr, "%s\n", policy::render(item).c_str());
        }
        return core::Error{"the policies are broken; the services would keep their last good set"};
    }
    GATEMEND_TRY(loop, bus::EventLoop::open());
    GATEMEND_TRY(machinery, open_machinery(loop));
    Rehearsal rehearsal;
    rehearsal.policy = std::move(loaded.policy);
    std::vector<std::string> problems;
    rehearsal.topology =
        learn_topology(loop, machinery, {rehearsal.policy.settings, options.topology}, problems);
    rehearsal.symptoms = recent_symptoms(rehearsal.topology.error_logs, std::time(nullptr));
    const sandbox::Guards guards(*machinery.systemd, sandbox::GuardView::of_this_machine());
    DryRunDriver driver(DryRunDriver::Outside{loop,
                                              *machinery.systemd,
                                              *machinery.facts,
                                              guards,
                                              *machinery.runner,
                                              *machinery.mender},
                        rehearsal.policy);
    driver.know_stops(read_stops(options.decisions));
    driver.run(read_ledger(options.audit), rehearsal.topology, rehearsal.symptoms);
    problems.insert(problems.end(), driver.problems().begin(), driver.problems().end());
    rehearsal.document = document_of(driver, problems);
    return rehearsal;
}

int run_dry_run(const DryRunOptions& options) {
    if (::geteuid() != 0) {
        return failed("--dry-run needs root: it tests configurations and starts probes");
    }
    const auto rehearsal = rehearse(options);
    if (!rehearsal) {
        return failed(rehearsal.error().text);
    }
    const Json& document = rehearsal->document;
    if (options.is_json) {
        (void)std::printf("%s\n", app::dump(document).c_str());
    } else {
        print_text(document);
    }
    return options.is_fail_if_needed && !document["plans"].empty() ? kExitFailed : kExitOk;
}

}  // namespace gatemend::cli
