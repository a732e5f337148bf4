// SPDX-License-Identifier: MIT
// Nothing but a log: replay over kept logs, or a machine whose probes cannot run. The likeliest
// cause of the symptom, said to be no more than that.
#include "diagnosis/case_file.hpp"
#include "diagnosis/judges.hpp"

namespace gatemend::diagnosis {

namespace {

// Where the errno alone tells a likely cause; kUnknown where it does not.
core::Cause likely_cause(const Sighting& sighting) {
    const bool is_unix = sighting.address.starts_with("unix:");
    if (sighting.symptom == core::Symptom::kConnectRefused) {
        return is_unix ? core::Cause::kUnitFailed : core::Cause::kAppDown;
    }
    if (sighting.symptom == core::Symptom::kSocketMissing) {
        return core::Cause::kUnitFailed;
    }
    if (sighting.symptom == core::Symptom::kConnectDenied) {
        return is_unix ? core::Cause::kSocketOwnership : core::Cause::kLsmDenied;
    }
    return core::Cause::kUnknown;
}

std::string_view meaning(const Sighting& sighting) {
    if (sighting.symptom == core::Symptom::kConnectRefused) {
        return sighting.address.starts_with("unix:")
                   ? "the socket file is there and nobody listens: the server crashed or was killed"
                   : "nobody listens on that port";
    }
    if (sighting.symptom == core::Symptom::kSocketMissing) {
        return "the socket file is not there: the server is stopped or failed, or listens "
               "elsewhere "
               "(another PHP version)";
    }
    return sighting.address.starts_with("unix:")
               ? "nginx's worker user may not use the socket or a directory on the way"
               : "a security module denies nginx the connection";
}

}  // namespace

std::optional<Diagnosis> judge_log_only(const Findings& findings) {
    const Sighting* sighting = find_symptom(findings,
                                            {core::Symptom::kConnectRefused,
                                             core::Symptom::kSocketMissing,
                                             core::Symptom::kConnectDenied});
    const bool has_looked =
        is_probe_bad(findings) || is_probe_good(findings) || findings.unit || findings.inspection;
    if (sighting == nullptr || has_looked) {
        return std::nullopt;
    }
    CaseFile file(likely_cause(*sighting), findings);
    file.sightings({sighting->symptom});
    return file.close("By the log alone: " + describe(findings.backend) + ": " +
                          std::string{meaning(*sighting)} + ". Nothing of it could be verified.",
                      "On that machine, `gatemend --dry-run` looks at the unit, the socket and the "
                      "configuration.");
}

}  // namespace gatemend::diagnosis
