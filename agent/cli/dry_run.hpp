// SPDX-License-Identifier: MIT
// `gatemend --dry-run`: diagnose this machine now and say what would be done and why. The same
// engine as the service, with real facts and probes; only the last step records instead of acting.
// Works without the services, as root; changes nothing on disk, no state, log or cursor.
#pragma once

#include "app/documents.hpp"
#include "core/event.hpp"
#include "policies/toml_reader.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace gatemend::cli {

struct DryRunOptions {
    bool is_json = false;
    bool is_fail_if_needed = false;  // exit 1 when an act would be needed
    policy::PolicyPaths policies;
    std::string audit = "/var/log/gatemend/audit.jsonl";
    std::string decisions = "/var/log/gatemend/decisions.jsonl";
    std::string topology = "/var/lib/gatemend/agent/topology.json";
};

[[nodiscard]] int run_dry_run(const DryRunOptions& options);

// One dry run: what it found and what it was made from.
struct Rehearsal {
    app::Json document;
    policy::Policy policy;
    core::Topology topology;
    std::vector<core::SymptomSeen> symptoms;
};

[[nodiscard]] core::Result<Rehearsal> rehearse(const DryRunOptions& options);

// Plans and proposals of a dry run's document, as text.
[[nodiscard]] std::string plans_text(const app::Json& document);

}  // namespace gatemend::cli
