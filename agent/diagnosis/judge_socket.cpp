// SPDX-License-Identifier: MIT
// The unit is up (or the backend has none), and nginx cannot connect: the socket, its owner, the
// packet filter or the other host. (Where it may have gone: judge_moved.cpp)
#include "diagnosis/case_file.hpp"
#include "diagnosis/judges.hpp"

#include <algorithm>

namespace gatemend::diagnosis {

namespace {

bool is_unix(const Findings& findings) {
    return findings.backend.address.starts_with("unix:");
}

bool is_connect_failure(const Findings& findings) {
    return has_outcome(findings,
                       {core::ProbeOutcome::kMissing,
                        core::ProbeOutcome::kRefused,
                        core::ProbeOutcome::kUnreachable,
                        core::ProbeOutcome::kConnectTimeout});
}

std::string octal(std::uint32_t mode) {
    std::string text;
    for (int shift = 6; shift >= 0; shift -= 3) {
        text += static_cast<char>('0' + ((mode >> static_cast<unsigned>(shift)) & 7U));
    }
    return "0" + text;
}

std::string owner_words(const core::PathStep& step) {
    return "mode " + octal(step.mode) + ", owner uid " + std::to_string(step.uid) + ", group gid " +
           std::to_string(step.gid) + (step.has_acl ? ", with an ACL" : "");
}

const core::PathStep* find_closed_step(const Findings& findings) {
    if (!findings.inspection) {
        return nullptr;
    }
    const auto& path = findings.inspection->path;
    const auto step = std::find_if(path.begin(), path.end(), [](const core::PathStep& item) {
        return item.kind != core::StepKind::kMissing && !item.is_open;
    });
    return step == path.end() ? nullptr : &*step;
}

std::string path_of(const Findings& findings) {
    constexpr std::string_view kUnix = "unix:";
    return findings.backend.address.substr(kUnix.size());
}

// The last component that is there, or the first that is not, unless a link led away from the path.
const core::PathStep* find_last_step(const Findings& findings) {
    const auto& steps = findings.inspection->path;
    const bool is_on_the_way =
        !steps.empty() && (path_of(findings) + "/").starts_with(steps.back().path + "/");
    return is_on_the_way ? &steps.back() : nullptr;
}

// Why a restart would fail, or harm somebody else; "": it makes the file anew. PHP-FPM unlinks what
// lies there, another application may give up where that is no socket; no one unlinks a folder.
std::string find_obstacle(const Findings& findings, const core::Listener& own) {
    if (!own.taken_by.empty() && own.taken_by != findings.unit_name) {
        return "the socket of " + own.taken_by + " lies there now";
    }
    const core::PathStep* last = find_last_step(findings);
    if (last == nullptr) {
        return "";
    }
    const bool is_folder = last->kind == core::StepKind::kDirectory;
    if (last->path != path_of(findings)) {
        const bool is_missing = last->kind == core::StepKind::kMissing;
        // a folder: the look went no further
        return is_folder ? "" : last->path + (is_missing ? " is gone" : " is no folder");
    }
    if (is_folder) {
        return last->path + " is a folder now";
    }
    const bool is_plain = last->kind == core::StepKind::kOther;
    return is_plain && findings.role != core::ServiceRole::kPhpFpm
               ? last->path + " is no socket now"
               : "";
}

// PHP-FPM has its own /tmp, say: nothing was deleted, and a restart changes nothing.
Diagnosis socket_elsewhere(const Findings& findings, const core::Listener& own) {
    CaseFile file = connect_case(core::Cause::kSocketBlocked, findings);
    file.unit_up().inspection(own.command + " (pid " + std::to_string(own.pid) + ") listens on " +
                              findings.backend.address +
                              ", and the file lies where only it sees it");
    return file.close(findings.unit_name + " runs and listens on " + findings.backend.address +
                          ", but nginx and " + findings.unit_name +
                          " see different file systems there (PrivateTmp=, RootDirectory=, "
                          "chroot).",
                      "Let it listen in a folder that both see, such as one below /run, and point "
                      "nginx there; a restart alone does not help. `systemctl cat " +
                          findings.unit_name + " nginx` shows the settings.");
}

// The closed file is the one that the unit's main process listens on, under the name that nginx has
// or where a link led from that: of this file alone the owner may be changed. Whose doing the link
// is, gatemend-mend looks.
bool is_of_unit(const Findings& findings,
                const core::Listener* listener,
                const core::PathStep& step) {
    return listener != nullptr && listener->is_main && listener->is_reachable &&
           is_unix(findings) && listener->address == "unix:" + step.path &&
           (step.path == path_of(findings) || listener->unit == findings.unit_name);
}

std::string advice_on_owner(const Findings& findings, const core::PathStep& step) {
    if (step.kind == core::StepKind::kDirectory) {
        return "Give the worker user search permission on " + step.path +
               " (`ls -ld`), or move the socket to a directory it may enter.";
    }
    const bool is_linked = is_unix(findings) && step.path != path_of(findings);
    const std::string set =
        "Set listen.owner, listen.group and listen.mode = 0660 of the pool to nginx's user, then "
        "`systemctl restart " +
        findings.unit_name +
        "`; `gatemend suggest` prepares that where the pool file is the reason.";
    return is_linked ? "A link leads from " + findings.backend.address + " to " + step.path +
                           ". Where that is another pool's socket, put the link right and leave "
                           "the socket as it is. Where it is the pool that nginx should ask: " +
                           set
                     : set + " Until then `chown` the socket. Never make it 0666.";
}

}  // namespace

// Whatever the probe met there: nothing, a plain file, a folder, or a socket of somebody else's,
// which may refuse, deny, keep silent or speak of other things.
std::optional<Diagnosis> judge_socket_deleted(const Findings& findings) {
    const core::Listener* listener = find_own_listener(findings);
    // A script that had bound the path and removed it is no reason to restart its server.
    const bool is_own = listener != nullptr && listener->unit == findings.unit_name &&
                        (listener->is_main || findings.role != core::ServiceRole::kPhpFpm);
    if (!is_unix(findings) || !is_own || listener->is_reachable || !is_probe_bad(findings)) {
        return std::nullopt;
    }
    if (listener->is_in_own_view) {
        return socket_elsewhere(findings, *listener);
    }
    const std::string obstacle = find_obstacle(findings, *listener);
    CaseFile file = connect_case(
        obstacle.empty() ? core::Cause::kSocketDeleted : core::Cause::kSocketBlocked, findings);
    file.unit_up().inspection(listener->command + " (pid " + std::to_string(listener->pid) +
                              ") still listens on " + findings.backend.address +
                              ", but the file is gone or another");
    const std::string text = findings.unit_name +
                             " runs and listens, but somebody deleted or replaced " +
                             findings.backend.address;
    if (obstacle.empty()) {
        return file.close(text + ".",
                          "`systemctl restart " + findings.unit_name +
                              "` makes the file anew; a reload does not.");
    }
    file.inspection(obstacle);
    return file.close(text + ": " + obstacle + ".",
                      "Put that right first, or the restart that makes the file anew fails or "
                      "takes it from another service; then `systemctl restart " +
                          findings.unit_name + "`.");
}

std::optional<Diagnosis> judge_socket_ownership(const Findings& findings) {
    const core::PathStep* step = find_closed_step(findings);
    const core::Listener* listener = find_own_listener(findings);
    const bool is_of_another = listener != nullptr && !listener->is_reachable;
    if (!has_outcome(findings, {core::ProbeOutcome::kDenied}) || step == nullptr || is_of_another) {
        return std::nullopt;
    }
    const std::string what = step->kind == core::StepKind::kDirectory ? "directory " : "socket ";
    CaseFile file = connect_case(core::Cause::kSocketOwnership, findings);
    file.inspection(what + step->path + " is closed to nginx's worker user: " + owner_words(*step));
    const bool is_directory = step->kind == core::StepKind::kDirectory;
    if (!is_directory && is_of_unit(findings, listener, *step)) {
        file.remedy("socket", listener->address);
    }
    return file.close("nginx's worker user may not connect to " + findings.backend.address + ": " +
                          what + step->path + " is closed to it (" + owner_words(*step) + ").",
                      advice_on_owner(findings, *step));
}

std::optional<Diagnosis> judge_firewall(const Findings& findings) {
    const bool may_be_filtered =
        is_connect_failure(findings) || has_outcome(findings, {core::ProbeOutcome::kDenied});
    if (is_unix(findings) || !may_be_filtered || findings.packet_rule.empty() ||
        has_no_listener(findings)) {
        return std::nullopt;
    }
    CaseFile file = connect_case(core::Cause::kFirewallBlocked, findings);
    file.packet_filter("this rule matches: " + findings.packet_rule);
    if (const core::Listener* listener = find_own_listener(findings)) {
        file.inspection(listener->command + " (" + listener->unit + ") listens on " +
                        listener->address);
    }
    return file.close("A packet filter rule keeps nginx from " + describe(findings.backend) + ": " +
                          findings.packet_rule + ".",
                      "Remove or narrow that rule (`nft -a list ruleset`, `iptables -S`, `ufw "
                      "status`), or allow the port on the loopback interface in front of it.");
}

std::optional<Diagnosis> judge_remote_down(const Findings& findings) {
    const bool is_remote = !findings.backend.address.empty() && !is_unix(findings) &&
                           !core::is_local(findings.backend.address);
    const bool is_bad =
        is_connect_failure(findings) ||
        has_outcome(findings, {core::ProbeOutcome::kDenied, core::ProbeOutcome::kClosedEarly});
    const bool is_log_only = !is_probe_bad(findings) && !is_probe_good(findings) &&
                             find_symptom(findings,
                                          {core::Symptom::kConnectRefused,
                                           core::Symptom::kConnectTimeout,
                                           core::Symptom::kUnreachable}) != nullptr;
    if (!is_remote || (!is_bad && !is_log_only)) {
        return std::nullopt;
    }
    CaseFile file = connect_case(core::Cause::kRemoteUpstreamDown, findings);
    const std::string what = is_bad ? " (" + describe(*findings.probe) + ")" : "";
    return file.close("The backend " + describe(findings.backend) +
                          " is on another host or in a container, and cannot be reached" + what +
                          ".",
                      "No unit of this machine is known for it: check the service there (for a "
                      "container `docker ps -a`), the route (`ip route get`) and the filters in "
                      "between.");
}

namespace {

// Only what pm2 has given up on is restarted, and only where nothing else is down: what is
// "stopped" was stopped by a person, and nothing but that ties an application to the address.
Diagnosis judge_pm2_apps(const Findings& findings, CaseFile& file) {
    file.inspection("pm2 lists " + describe(findings.apps));
    const std::string what =
        findings.unit_name + " is up, but nobody listens on " + describe(findings.backend) + ": ";
    const std::string ask = "As the user of " + findings.unit_name + ": ";
    const core::Pm2App* errored = core::find_only_errored(findings.apps);
    if (errored == nullptr || !core::is_plain_pm2_name(errored->name)) {
        return file.close(what + "pm2 lists " + describe(findings.apps) + ".",
                          ask +
                              "`pm2 restart NAME` starts the one that should listen there; "
                              "`pm2 logs NAME` says why it stopped.");
    }
    Diagnosis diagnosis =
        file.close(what + "pm2 has given up on the application " + errored->name + ".",
                   ask + "`pm2 restart " + errored->name + "` starts it; `pm2 logs " +
                       errored->name + "` says why it stopped.");
    diagnosis.remedy["app"] = errored->name;
    return diagnosis;
}

}  // namespace

// A unit that is up while nobody listens is a supervisor (pm2, supervisord) whose application is
// down, or an application that has not come up yet.
std::optional<Diagnosis> judge_nobody_listens(const Findings& findings) {
    const bool is_supervised = findings.role == core::ServiceRole::kOther && is_unit_up(findings);
    if ((findings.role != core::ServiceRole::kUnowned && !is_supervised) ||
        !has_no_listener(findings) || !core::is_local(findings.backend.address) ||
        !has_outcome(findings, {core::ProbeOutcome::kMissing, core::ProbeOutcome::kRefused})) {
        return std::nullopt;
    }
    CaseFile file = connect_case(core::Cause::kAppDown, findings);
    file.inspection("nobody listens on " + findings.backend.address)
        .sightings({}, {core::Clue::kGaveUp, core::Clue::kBootFailed, core::Clue::kAddressInUse});
    if (core::is_pm2_unit(findings.unit_name) && !findings.apps.empty()) {
        return judge_pm2_apps(findings, file);
    }
    if (is_supervised) {
        return file.close(
            findings.unit_name + " is up, but nobody listens on " + describe(findings.backend) +
                ": the application inside it is down.",
            findings.unit_name.starts_with("pm2-")
                ? "As the user of " + findings.unit_name +
                      ": `pm2 list` shows which application is errored, `pm2 restart NAME` starts "
                      "it; `pm2 logs NAME` says why it stopped."
                : "See `journalctl -u " + findings.unit_name +
                      "`: the application inside does not listen.");
    }
    if (const std::string before = words_of_before(findings); !before.empty()) {
        return file.close(
            "Nobody listens on " + describe(findings.backend) + ". " + before,
            "Bring it back, or change or remove " + line_words(findings.backend) +
                ". Nothing else that listens here is known to be the same application. "
                "A [[backend]] entry in /etc/gatemend/gatemend.toml names a unit for "
                "good.");
    }
    return file.close(
        "Nobody listens on " + describe(findings.backend) + ", and no unit is known to.",
        "Start the application that should listen there. If it is a systemd unit, a "
        "[[backend]] entry in /etc/gatemend/gatemend.toml names it.");
}

}  // namespace gatemend::diagnosis
