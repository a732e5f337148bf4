// SPDX-License-Identifier: MIT
#include "cli/dry_run.hpp"

#include "cli/dry_run_driver.hpp"
#include "cli/exit_code.hpp"
#include "cli/incident_text.hpp"
#include "cli/machinery.hpp"
#include "cli/recent_symptoms.hpp"
#include "sandbox/audit/audit_file.hpp"
#include "sandbox/audit/digest.hpp"
#include "sandbox/audit/ledger_builder.hpp"

#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>

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

Json document_of(const DryRunDriver& driver, const std::vector<std::string>& problems) {
    const engine::State& state = driver.state();
    const Json status = app::status_document(state, app::StatusExtras{});
    Json plans = Json::array();
    for (const PlannedAct& planned : driver.plans()) {
        Json plan = app::plan_document(planned.plan,
                                       sandbox::sha256_hex(actions::canonical_text(planned.plan)));
        plan["incident"] = planned.incident;
        plans.push_back(std::move(plan));
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
            {"plans", std::move(plans)}};
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
    for (const Json& plan : document["plans"]) {
        out += "\n" + plan_text(plan);
    }
    if (document["incidents"].empty()) {
        out += "\nnothing is wrong with what is watched\n";
    } else if (document["plans"].empty()) {
        out += "\nnothing would be done\n";
    }
    (void)std::fputs(out.c_str(), stdout);
}

}  // namespace

int run_dry_run(const DryRunOptions& options) {
    if (::geteuid() != 0) {
        return failed("--dry-run needs root: it tests configurations and starts probes");
    }
    policy::LoadedPolicy loaded = policy::load_policy(options.policies);
    if (!loaded.errors.empty()) {
        for (const policy::Diagnostic& item : loaded.errors) {
            (void)std::fprintf(stderr, "%s\n", policy::render(item).c_str());
        }
        return failed("the policies are broken; the services would keep their last good set");
    }
    auto loop = bus::EventLoop::open();
    if (!loop) {
        return failed(loop.error().text);
    }
    auto machinery = open_machinery(*loop);
    if (!machinery) {
        return failed(machinery.error().text);
    }
    std::vector<std::string> problems;
    const core::Topology topology =
        learn_topology(*loop, *machinery, {loaded.policy.settings, options.topology}, problems);
    const sandbox::Guards guards(*machinery->systemd, sandbox::GuardView::of_this_machine());
    DryRunDriver driver(
        DryRunDriver::Outside{*loop, *machinery->systemd, *machinery->facts, guards},
        std::move(loaded.policy));
    driver.run(read_ledger(options.audit),
               topology,
               recent_symptoms(topology.error_logs, std::time(nullptr)));
    problems.insert(problems.end(), driver.problems().begin(), driver.problems().end());
    const Json document = document_of(driver, problems);
    if (options.is_json) {
        (void)std::printf("%s\n", app::dump(document).c_str());
    } else {
        print_text(document);
    }
    return options.is_fail_if_needed && !driver.plans().empty() ? kExitFailed : kExitOk;
}

}  // namespace gatemend::cli
