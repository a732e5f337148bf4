// SPDX-License-Identifier: MIT
// The unit is down: by itself, by somebody, or because it cannot start.
#include "diagnosis/case_file.hpp"
#include "diagnosis/judges.hpp"

#include <algorithm>
#include <string_view>

namespace gatemend::diagnosis {

namespace {

bool is_config_invalid(const Findings& findings) {
    return findings.test && findings.test->verdict == core::ConfigVerdict::kInvalid;
}

// The server's own words about its configuration, where nobody could test it. nullptr: there are
// none, or the test knows better.
const Sighting* find_rejection(const Findings& findings) {
    const bool is_tested = findings.test && findings.test->verdict != core::ConfigVerdict::kUnknown;
    for (const Sighting& item : findings.sightings) {
        if (!is_tested && item.clue == core::Clue::kConfigRejected) {
            return &item;
        }
    }
    return nullptr;
}

// However it ended: a stop may time out, and end with any status or signal. What has ended by
// itself and well (its own signal to end, `nginx -s quit`) is left alone like what was stopped.
bool is_stopped_by_somebody(const Findings& findings) {
    return findings.unit->active == core::ActiveState::kInactive ||
           findings.intent == core::Intent::kSomebody || findings.has_ended_well;
}

std::string stop_sentence(const Findings& findings) {
    const std::string state = " (state " + describe(*findings.unit);
    const bool is_dated = findings.unit->changed != core::TimePoint{};
    const std::string since =
        (is_dated ? " since " + core::format_time(findings.unit->changed) : std::string{}) + ").";
    switch (findings.intent) {
        case core::Intent::kSomebody:
            return (findings.was_disabled ? " was disabled while it was down"
                                          : " was stopped on purpose") +
                   state + since;
        case core::Intent::kNobody:
            return (findings.unit->active == core::ActiveState::kFailed
                        ? " was asked to end by a signal, and not by systemd"
                        : " has ended by itself and without a fault") +
                   state + since;
        case core::Intent::kUnknown:
            break;
    }
    return (findings.unit->was_perhaps_disabled
                ? " is down and disabled, and nobody knows whether somebody did that since"
                : " is down, and nobody knows whether somebody stopped it") +
           state + since;
}

// A clean stop of PHP-FPM unlinks its socket. A file that refuses connections under an inactive
// unit was therefore left by a crash, whatever the unit's result says now (reset-failed clears it).
bool is_socket_left_behind(const Findings& findings) {
    return findings.role == core::ServiceRole::kPhpFpm &&
           findings.unit->active == core::ActiveState::kInactive &&
           findings.intent != core::Intent::kSomebody && !findings.has_ended_well &&
           !findings.unit->is_unstarted && has_outcome(findings, {core::ProbeOutcome::kRefused}) &&
           findings.probe_address.starts_with("unix:");
}

// The file that the test itself named. Nothing outside of /etc is anybody's configuration.
bool is_below_etc(std::string_view file) {
    return file.starts_with("/etc/") && file.find("/../") == std::string_view::npos &&
           !file.ends_with("/..");
}

CaseFile down_case(core::Cause cause, const Findings& findings) {
    CaseFile file(cause, findings);
    file.unit_down().probe_bad();
    return file;
}

CaseFile& add_log(CaseFile& file) {
    return file.sightings({core::Symptom::kConnectRefused,
                           core::Symptom::kSocketMissing,
                           core::Symptom::kConnectDenied,
                           core::Symptom::kConnectTimeout,
                           core::Symptom::kResponseTimeout,
                           core::Symptom::kClosedEarly,
                           core::Symptom::kNoLiveUpstreams});
}

std::string journal_hint(const Findings& findings) {
    return "`systemctl status " + findings.unit_name + "` and `journalctl -u " +
           findings.unit_name + "` show its last words.";
}

// Workers may outlive their master, and hold what a new one needs.
std::string survivor_sentence(const Findings& findings) {
    if (!is_probe_good(findings)) {
        return "";
    }
    std::string text = " The unit is down but something still answers on " + findings.probe_address;
    std::string pids;
    if (findings.inspection && findings.inspection->listeners) {
        for (const core::Listener& listener : *findings.inspection->listeners) {
            const bool is_it = listener.address == findings.probe_address && listener.pid != 0;
            pids += is_it ? (pids.empty() ? ": pid " : ", ") + std::to_string(listener.pid) : "";
        }
    }
    return text + (pids.empty() ? "." : pids + ".");
}

// systemd starts nothing that is masked.
std::string unmask_words(const Findings& findings) {
    return findings.unit && findings.unit->is_masked
               ? "`systemctl unmask " + findings.unit_name + "`, for it is masked, and "
               : "";
}

std::string start_hint(const Findings& findings) {
    const bool is_masked = findings.unit && findings.unit->is_masked;
    return unmask_words(findings) + "`systemctl start " + findings.unit_name +
           (is_masked ? "` bring it back. " : "` brings it back. ") + journal_hint(findings);
}

// "php-fpm8.2 -t" of "php8.2-fpm.service", as Debian names them.
std::string test_words(const Findings& findings) {
    constexpr std::string_view kFront = "php";
    constexpr std::string_view kBack = "-fpm.service";
    if (findings.role == core::ServiceRole::kNginx) {
        return "`nginx -t`";
    }
    const std::string_view unit = findings.unit_name;
    const bool has_version = unit.starts_with(kFront) && unit.ends_with(kBack) &&
                             unit.size() > kFront.size() + kBack.size();
    const std::string_view version =
        has_version ? unit.substr(kFront.size(), unit.size() - kFront.size() - kBack.size()) : "";
    const bool is_version =
        std::ranges::all_of(version, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
    return "`php-fpm" + std::string{is_version ? version : ""} + " -t`";
}

}  // namespace

std::optional<Diagnosis> judge_config_invalid(const Findings& findings) {
    const Sighting* rejection = find_rejection(findings);
    const bool is_invalid = is_config_invalid(findings) || rejection != nullptr;
    if (!is_unit_down(findings) || !is_invalid || is_stopped_by_somebody(findings)) {
        return std::nullopt;
    }
    if (findings.role != core::ServiceRole::kNginx && findings.role != core::ServiceRole::kPhpFpm) {
        return std::nullopt;
    }
    const bool is_nginx = findings.role == core::ServiceRole::kNginx;
    CaseFile file = down_case(
        is_nginx ? core::Cause::kNginxConfigInvalid : core::Cause::kFpmConfigInvalid, findings);
    add_log(file.config(true).sightings({}, {core::Clue::kConfigRejected}));
    if (is_config_invalid(findings) && is_below_etc(findings.test->file)) {
        file.remedy("file", findings.test->file);
    }
    const std::string why =
        rejection == nullptr
            ? "does not pass the test: " + describe(*findings.test)
            : "was rejected when it started" + rejection->subject.shown().in_sentence(": ");
    return file.close(
        findings.unit_name + " is down and its configuration " + why + ". Starting it would fail.",
        "Repair that line, run " + test_words(findings) + " until it passes, then " +
            unmask_words(findings) + "`systemctl start " + findings.unit_name + "`.");
}

std::optional<Diagnosis> judge_start_limit(const Findings& findings) {
    if (!is_unit_down(findings) || findings.unit->result != core::UnitResult::kStartLimitHit) {
        return std::nullopt;
    }
    CaseFile file = down_case(core::Cause::kUnitStartLimit, findings);
    add_log(file.config(false));
    return file.close(
        "systemd gave up starting " + findings.unit_name + ": too many starts in a short time.",
        journal_hint(findings) + " After the fix, `systemctl reset-failed " + findings.unit_name +
            "` and start it.");
}

std::optional<Diagnosis> judge_stale_socket(const Findings& findings) {
    if (!is_unit_down(findings) || !is_socket_left_behind(findings)) {
        return std::nullopt;
    }
    CaseFile file = down_case(core::Cause::kSocketStale, findings);
    add_log(file.config(false));
    return file.close(
        findings.unit_name + " is down and left " + findings.probe_address +
            " behind: the file is there, nobody listens. Starting the unit replaces it.",
        start_hint(findings) + " Do not delete the file by hand.");
}

// Nobody stopped what never ran.
std::optional<Diagnosis> judge_not_started(const Findings& findings) {
    if (!is_unit_down(findings) || findings.intent == core::Intent::kSomebody ||
        !findings.unit->is_unstarted) {
        return std::nullopt;
    }
    CaseFile file = down_case(core::Cause::kUnitNotStarted, findings);
    add_log(file.config(false));
    const core::UnitState& unit = *findings.unit;
    if (!unit.is_loaded && !unit.is_masked) {
        return file.close("systemd does not know " + findings.unit_name + ", which is to serve " +
                              describe(findings.backend) + ".",
                          "Install it, or name the unit that serves this address in a [[backend]] "
                          "entry of /etc/gatemend/gatemend.toml.");
    }
    const std::string standing = unit.is_masked    ? "it is masked"
                                 : unit.is_enabled ? "it is enabled"
                                                   : "it is not enabled";
    const std::string start =
        unit.is_masked    ? "`systemctl unmask " + findings.unit_name + "`, then "
        : unit.is_enabled ? ""
                          : "If it is to serve " + findings.backend.address + ": ";
    return file.close(findings.unit_name +
                          " is not running, and systemd knows of no start of it since boot; " +
                          standing + ".",
                      start + "`systemctl " + (unit.is_enabled ? "start " : "enable --now ") +
                          findings.unit_name + "` starts it. " + journal_hint(findings));
}

std::optional<Diagnosis> judge_stopped(const Findings& findings) {
    if (!is_unit_down(findings) || !is_stopped_by_somebody(findings)) {
        return std::nullopt;
    }
    CaseFile file = down_case(core::Cause::kUnitStopped, findings);
    add_log(file.config(false));
    return file.close(findings.unit_name + stop_sentence(findings), start_hint(findings));
}

std::optional<Diagnosis> judge_nginx_down(const Findings& findings) {
    if (!is_unit_down(findings) || findings.role != core::ServiceRole::kNginx) {
        return std::nullopt;
    }
    CaseFile file = down_case(core::Cause::kNginxDown, findings);
    add_log(file.config(false));
    return file.close("nginx itself is down: " + unit_sentence(findings) + ".",
                      start_hint(findings));
}

std::optional<Diagnosis> judge_app_down(const Findings& findings) {
    if (!is_unit_down(findings) || findings.role != core::ServiceRole::kOther) {
        return std::nullopt;
    }
    CaseFile file = down_case(core::Cause::kAppDown, findings);
    add_log(file.sightings(
        {}, {core::Clue::kBootFailed, core::Clue::kAddressInUse, core::Clue::kHeapExhausted}));
    return file.close(unit_sentence(findings) + "; nginx sends requests for " +
                          describe(findings.backend) + " to it.",
                      start_hint(findings));
}

std::optional<Diagnosis> judge_unit_failed(const Findings& findings) {
    if (!is_unit_down(findings)) {
        return std::nullopt;
    }
    CaseFile file = down_case(core::Cause::kUnitFailed, findings);
    add_log(file.config(false));
    return file.close(unit_sentence(findings) + "." + survivor_sentence(findings),
                      start_hint(findings));
}

}  // namespace gatemend::diagnosis
