// SPDX-License-Identifier: MIT
#include "core/diagnosis.hpp"

#include <array>

namespace gatemend::core {

namespace {

using Judge = std::optional<Diagnosis> (*)(const Findings&);

bool is_unit_down(const Findings& findings) {
    return findings.unit && is_down(*findings.unit);
}

bool is_probe_bad(const Findings& findings) {
    return findings.probe && findings.probe->outcome != ProbeOutcome::kGood &&
           findings.probe->outcome != ProbeOutcome::kUnknown;
}

bool is_config_invalid(const Findings& findings) {
    return findings.test && findings.test->verdict == ConfigVerdict::kInvalid;
}

// A failed unit whose way down began with somebody's stop job (a stop that timed out, say) was
// stopped.
bool is_stopped_by_somebody(const Findings& findings) {
    return findings.unit->active == ActiveState::kInactive || findings.was_stop_requested;
}

// A clean stop of PHP-FPM unlinks its socket. A file that refuses connections under an inactive
// unit was therefore left by a crash, whatever the unit's result says now (reset-failed clears it).
bool is_socket_left_behind(const Findings& findings) {
    return findings.role == ServiceRole::kPhpFpm &&
           findings.unit->active == ActiveState::kInactive && !findings.was_stop_requested &&
           findings.probe && findings.probe->outcome == ProbeOutcome::kRefused &&
           findings.probe_address.starts_with("unix:");
}

std::string unit_sentence(const Findings& findings) {
    return findings.unit_name + " is " + describe(*findings.unit);
}

std::string probe_sentence(const Findings& findings) {
    return "probe of " + findings.probe_address + ": " + describe(*findings.probe);
}

void add_probe(Diagnosis& diagnosis, const Findings& findings) {
    if (findings.probe && findings.probe->outcome != ProbeOutcome::kUnknown) {
        diagnosis.evidence.push_back(Evidence{Witness::kProbe,
                                              findings.probe_time,
                                              probe_sentence(findings),
                                              is_probe_bad(findings)});
    }
}

void add_config(Diagnosis& diagnosis, const Findings& findings) {
    if (!findings.test || findings.test->verdict == ConfigVerdict::kUnknown) {
        return;
    }
    const bool is_invalid = is_config_invalid(findings);
    const bool speaks_of_config = diagnosis.cause == Cause::kFpmConfigInvalid ||
                                  diagnosis.cause == Cause::kNginxConfigInvalid;
    // A passing test allows the act but does not witness the failure, so it never counts as
    // support.
    if (is_invalid) {
        diagnosis.evidence.push_back(
            Evidence{Witness::kConfigTest,
                     findings.test_time,
                     "configuration test fails: " + describe(*findings.test),
                     speaks_of_config});
    }
}

void add_log(Diagnosis& diagnosis, const Findings& findings) {
    if (findings.suspicion) {
        diagnosis.evidence.push_back(
            Evidence{Witness::kLog,
                     findings.suspicion_time,
                     "nginx's error log says " + std::string{symptom_id(*findings.suspicion)},
                     true});
    }
}

// Two witnesses that agree make a cause near certain; one that contradicts makes it doubtful.
void weigh(Diagnosis& diagnosis) {
    constexpr std::uint32_t kOneWitness = 600;
    constexpr std::uint32_t kPerFurtherWitness = 180;
    constexpr std::uint32_t kPerContradiction = 400;
    constexpr std::uint32_t kMost = 980;
    std::uint32_t contradictions = 0;
    for (const Evidence& item : diagnosis.evidence) {
        contradictions += item.supports ? 0U : 1U;
    }
    const unsigned witnesses = count_witnesses(diagnosis.evidence);
    std::uint32_t permille =
        witnesses == 0 ? 0 : kOneWitness + (witnesses - 1) * kPerFurtherWitness;
    permille = permille < kMost ? permille : kMost;
    const std::uint32_t doubt = contradictions * kPerContradiction;
    diagnosis.confidence_permille = permille > doubt ? permille - doubt : 0;
}

Diagnosis conclude(Cause cause, const Findings& findings, std::string text) {
    Diagnosis diagnosis;
    diagnosis.cause = cause;
    diagnosis.text = std::move(text);
    if (findings.unit) {
        diagnosis.evidence.push_back(Evidence{Witness::kUnitState,
                                              findings.unit_time,
                                              unit_sentence(findings),
                                              is_down(*findings.unit)});
    }
    add_probe(diagnosis, findings);
    add_config(diagnosis, findings);
    add_log(diagnosis, findings);
    weigh(diagnosis);
    return diagnosis;
}

std::optional<Diagnosis> judge_start_limit(const Findings& findings) {
    if (!is_unit_down(findings) || findings.unit->result != UnitResult::kStartLimitHit) {
        return std::nullopt;
    }
    return conclude(Cause::kUnitStartLimit,
                    findings,
                    "systemd gave up starting " + findings.unit_name +
                        ": too many starts in a short time. See `journalctl -u " +
                        findings.unit_name + "`; after the fix, `systemctl reset-failed " +
                        findings.unit_name + "` and start it.");
}

std::optional<Diagnosis> judge_stale_socket(const Findings& findings) {
    if (!is_unit_down(findings) || !is_socket_left_behind(findings)) {
        return std::nullopt;
    }
    return conclude(
        Cause::kSocketStale,
        findings,
        findings.unit_name + " is down and left " + findings.probe_address +
            " behind: the file is there, nobody listens. Starting the unit replaces it.");
}

std::optional<Diagnosis> judge_stopped(const Findings& findings) {
    if (!is_unit_down(findings) || !is_stopped_by_somebody(findings)) {
        return std::nullopt;
    }
    return conclude(Cause::kUnitStopped,
                    findings,
                    findings.unit_name + " was stopped on purpose (state " +
                        describe(*findings.unit) + " since " + format_time(findings.unit->changed) +
                        "). `systemctl start " + findings.unit_name + "` brings it back.");
}

std::optional<Diagnosis> judge_config(const Findings& findings) {
    if (!is_unit_down(findings) || !is_config_invalid(findings)) {
        return std::nullopt;
    }
    if (findings.role == ServiceRole::kOther) {
        return std::nullopt;
    }
    const Cause cause = findings.role == ServiceRole::kNginx ? Cause::kNginxConfigInvalid
                                                             : Cause::kFpmConfigInvalid;
    return conclude(cause,
                    findings,
                    findings.unit_name + " is down and its configuration does not pass the test: " +
                        describe(*findings.test) + ". Starting it would fail; repair that line.");
}

std::optional<Diagnosis> judge_nginx_down(const Findings& findings) {
    if (!is_unit_down(findings) || findings.role != ServiceRole::kNginx) {
        return std::nullopt;
    }
    return conclude(
        Cause::kNginxDown, findings, "nginx itself is down: " + unit_sentence(findings) + ".");
}

std::optional<Diagnosis> judge_failed(const Findings& findings) {
    if (!is_unit_down(findings)) {
        return std::nullopt;
    }
    return conclude(Cause::kUnitFailed, findings, unit_sentence(findings) + ".");
}

Diagnosis unknown(const Findings& findings) {
    std::string text =
        findings.unit ? unit_sentence(findings) : findings.unit_name + " is not known to systemd";
    if (is_probe_bad(findings)) {
        text += ", but the " + probe_sentence(findings);
    }
    Diagnosis diagnosis = conclude(Cause::kUnknown, findings, text + ". No known cause fits.");
    diagnosis.confidence_permille = 0;
    return diagnosis;
}

}  // namespace

// The first that fits decides: causes that explain others come first.
Diagnosis diagnose(const Findings& findings) {
    constexpr std::array<Judge, 6> kJudges{judge_start_limit,
                                           judge_stale_socket,
                                           judge_stopped,
                                           judge_config,
                                           judge_nginx_down,
                                           judge_failed};
    for (const Judge judge : kJudges) {
        if (auto diagnosis = judge(findings)) {
            return *std::move(diagnosis);
        }
    }
    return unknown(findings);
}

}  // namespace gatemend::core
