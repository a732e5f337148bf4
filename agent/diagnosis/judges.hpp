// SPDX-License-Identifier: MIT
// One function per cause: does it fit these findings, and with what evidence? nullopt: no. Called
// by diagnose() in the order of kJudges: a cause that explains others comes before them. Pure.
#pragma once

#include "diagnosis/diagnosis.hpp"

#include <optional>

namespace gatemend::diagnosis {

using Judge = std::optional<Diagnosis> (*)(const Findings&);

// judge_machine.cpp: what is larger than one service
std::optional<Diagnosis> judge_disk_full(const Findings& findings);
std::optional<Diagnosis> judge_oom_killed(const Findings& findings);
std::optional<Diagnosis> judge_nginx_limit(const Findings& findings);
std::optional<Diagnosis> judge_high_load(const Findings& findings);
std::optional<Diagnosis> judge_lsm_denied(const Findings& findings);

// judge_unit.cpp: the unit is down
std::optional<Diagnosis> judge_config_invalid(const Findings& findings);
std::optional<Diagnosis> judge_start_limit(const Findings& findings);
std::optional<Diagnosis> judge_stale_socket(const Findings& findings);
std::optional<Diagnosis> judge_not_started(const Findings& findings);
std::optional<Diagnosis> judge_stopped(const Findings& findings);
std::optional<Diagnosis> judge_nginx_down(const Findings& findings);
std::optional<Diagnosis> judge_app_down(const Findings& findings);
std::optional<Diagnosis> judge_unit_failed(const Findings& findings);

// judge_socket.cpp: the unit is up, and nginx cannot connect
std::optional<Diagnosis> judge_socket_deleted(const Findings& findings);
std::optional<Diagnosis> judge_socket_ownership(const Findings& findings);
std::optional<Diagnosis> judge_firewall(const Findings& findings);
std::optional<Diagnosis> judge_remote_down(const Findings& findings);
std::optional<Diagnosis> judge_nobody_listens(const Findings& findings);

// judge_moved.cpp: and the application may be elsewhere
std::optional<Diagnosis> judge_path_mismatch(const Findings& findings);
std::optional<Diagnosis> judge_port_mismatch(const Findings& findings);

// judge_answer.cpp: nginx connects, and the answer is wrong
std::optional<Diagnosis> judge_name_unresolved(const Findings& findings);
std::optional<Diagnosis> judge_protocol_mismatch(const Findings& findings);
std::optional<Diagnosis> judge_upstream_tls(const Findings& findings);
std::optional<Diagnosis> judge_header_too_big(const Findings& findings);
std::optional<Diagnosis> judge_app_answers_502(const Findings& findings);
std::optional<Diagnosis> judge_edge(const Findings& findings);
std::optional<Diagnosis> judge_script_fatal(const Findings& findings);
std::optional<Diagnosis> judge_dependency_down(const Findings& findings);

// judge_work.cpp: nginx connects, and the answer does not come
std::optional<Diagnosis> judge_hung(const Findings& findings);
std::optional<Diagnosis> judge_saturated(const Findings& findings);
std::optional<Diagnosis> judge_worker_crash(const Findings& findings);
std::optional<Diagnosis> judge_slow(const Findings& findings);

// judge_log.cpp: there is nothing but a log
std::optional<Diagnosis> judge_log_only(const Findings& findings);

}  // namespace gatemend::diagnosis
