// SPDX-License-Identifier: MIT
#include "diagnosis/diagnosis.hpp"

#include "diagnosis/case_file.hpp"
#include "diagnosis/judges.hpp"

#include <algorithm>
#include <array>

namespace gatemend::diagnosis {

namespace {

constexpr std::size_t kMaxAlternatives = 3;

// Causes that explain others come first; what a person did on purpose comes before what failed.
constexpr std::array<Judge, 33> kJudges{
    judge_disk_full,         judge_oom_killed,
    judge_dependency_down,   judge_name_unresolved,
    judge_config_invalid,    judge_start_limit,
    judge_stale_socket,      judge_not_started,
    judge_stopped,           judge_nginx_down,
    judge_app_down,          judge_unit_failed,
    judge_lsm_denied,        judge_nginx_limit,
    judge_protocol_mismatch, judge_upstream_tls,
    judge_socket_deleted,    judge_socket_ownership,
    judge_path_mismatch,     judge_port_mismatch,
    judge_firewall,          judge_remote_down,
    judge_nobody_listens,    judge_hung,
    judge_saturated,         judge_worker_crash,
    judge_header_too_big,    judge_script_fatal,
    judge_app_answers_502,   judge_edge,
    judge_high_load,         judge_slow,
    judge_log_only,
};

bool is_local_tcp(const Findings& findings) {
    const std::string& address = findings.backend.address;
    return findings.role != core::ServiceRole::kNginx && !address.starts_with("unix:") &&
           core::is_local(address);
}

Diagnosis unknown(const Findings& findings) {
    std::string text = unit_sentence(findings);
    if (is_probe_bad(findings)) {
        text += ", but the " + probe_sentence(findings);
    }
    CaseFile file(core::Cause::kUnknown, findings);
    file.unit_down().probe_bad().config(false);
    for (const Sighting& item : findings.sightings) {
        file.sightings({item.symptom}, {item.clue});
    }
    const std::string advice =
        findings.role == core::ServiceRole::kUnowned
            ? "See nginx's error log and the log of whatever serves that address around this time."
            : "See `systemctl status " + findings.unit_name + "`, `journalctl -u " +
                  findings.unit_name + "` and nginx's error log around this time.";
    Diagnosis diagnosis = file.close(text + ". No known cause fits.", advice);
    diagnosis.confidence_permille = 0;
    if (is_local_tcp(findings)) {
        diagnosis.remedy.emplace("address", findings.backend.address);
    }
    return diagnosis;
}

}  // namespace

Diagnosis diagnose(const Findings& findings) {
    std::optional<Diagnosis> first;
    std::vector<Alternative> others;
    for (const Judge judge : kJudges) {
        auto diagnosis = judge(findings);
        if (!diagnosis) {
            continue;
        }
        if (!first) {
            first = std::move(diagnosis);
        } else if (others.size() < kMaxAlternatives && diagnosis->cause != first->cause) {
            others.push_back(Alternative{diagnosis->cause, diagnosis->confidence_permille});
        }
    }
    if (!first) {
        return unknown(findings);
    }
    std::stable_sort(others.begin(), others.end(), [](const Alternative& a, const Alternative& b) {
        return a.confidence_permille > b.confidence_permille;
    });
    first->alternatives = std::move(others);
    // What goes over the wire can be looked at whatever the cause.
    if (is_local_tcp(findings)) {
        first->remedy.emplace("address", findings.backend.address);
    }
    return *std::move(first);
}

}  // namespace gatemend::diagnosis
