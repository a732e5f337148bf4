// SPDX-License-Identifier: MIT
// The unit is up (or the backend has none), and nginx cannot connect: the path, its owner, the
// port, the packet filter or the other host.
#include "core/case_file.hpp"
#include "core/judges.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace gatemend::core {

namespace {

bool is_unix(const Findings& findings) {
    return findings.backend.address.starts_with("unix:");
}

bool is_connect_failure(const Findings& findings) {
    return has_outcome(findings,
                       {ProbeOutcome::kMissing,
                        ProbeOutcome::kRefused,
                        ProbeOutcome::kUnreachable,
                        ProbeOutcome::kConnectTimeout});
}

CaseFile connect_case(Cause cause, const Findings& findings) {
    CaseFile file(cause, findings);
    file.probe_bad().sightings({Symptom::kConnectRefused,
                                Symptom::kSocketMissing,
                                Symptom::kConnectDenied,
                                Symptom::kConnectTimeout,
                                Symptom::kUnreachable,
                                Symptom::kNoLiveUpstreams});
    return file;
}

std::string octal(std::uint32_t mode) {
    std::string text;
    for (int shift = 6; shift >= 0; shift -= 3) {
        text += static_cast<char>('0' + ((mode >> static_cast<unsigned>(shift)) & 7U));
    }
    return "0" + text;
}

std::string owner_words(const PathStep& step) {
    return "mode " + octal(step.mode) + ", owner uid " + std::to_string(step.uid) + ", group gid " +
           std::to_string(step.gid) + (step.has_acl ? ", with an ACL" : "");
}

const PathStep* find_closed_step(const Findings& findings) {
    if (!findings.inspection) {
        return nullptr;
    }
    const auto& path = findings.inspection->path;
    const auto step = std::find_if(path.begin(), path.end(), [](const PathStep& item) {
        return item.kind != StepKind::kMissing && !item.is_open;
    });
    return step == path.end() ? nullptr : &*step;
}

bool is_configured(const Findings& findings, const std::string& address) {
    return std::find(findings.configured.begin(), findings.configured.end(), address) !=
           findings.configured.end();
}

// The only one, or nullptr: where there is a choice, a person chooses.
template <class Wanted>
const Listener* find_only(const Findings& findings, Wanted wanted) {
    const Listener* found = nullptr;
    for (const Listener& listener : *findings.inspection->listeners) {
        if (!wanted(listener)) {
            continue;
        }
        if (found != nullptr && found->unit != listener.unit) {
            return nullptr;
        }
        found = found == nullptr ? &listener : found;
    }
    return found;
}

// The place is not known of a backend that gatemend.toml names.
std::string line_words(const Backend& backend) {
    return backend.where.empty() ? "nginx's line" : "the line at " + backend.where;
}

bool is_living_pool(const Listener& listener) {
    return listener.command.starts_with("php-fpm") && listener.is_reachable;
}

// 0: it has none
int port_number(std::string_view address) {
    const std::string_view digits = port_of(address);
    int port = 0;
    (void)std::from_chars(digits.data(), digits.data() + digits.size(), port);  // 0 stays
    return port;
}

// Well-known servers that are no web application.
bool is_other_service(int port) {
    constexpr std::array<int, 16> kPorts{
        22, 25, 53, 110, 143, 465, 587, 993, 995, 3306, 5432, 5672, 6379, 9200, 11211, 27017};
    return port == 0 || std::find(kPorts.begin(), kPorts.end(), port) != kPorts.end();
}

bool may_be_application(const Findings& findings, const Listener& listener) {
    return !listener.address.starts_with("unix:") && !listener.command.starts_with("nginx") &&
           !listener.command.starts_with("systemd") && listener.unit.ends_with(".service") &&
           !is_other_service(port_number(listener.address)) &&
           !is_configured(findings, listener.address);
}

// Where nginx reaches who listens there.
std::string nginx_form(const Listener& listener) {
    const std::string port{port_of(listener.address)};
    if (listener.address.starts_with("0.0.0.0:") ||
        (listener.address.starts_with("[::]:") && listener.is_dual_stack)) {
        return "127.0.0.1:" + port;
    }
    return listener.address.starts_with("[::]:") ? "[::1]:" + port : listener.address;
}

// Both ends are certain: nginx was given the address and not a name, its worker user may enter, and
// nobody else fits.
template <class Wanted>
void point_to(CaseFile& file, const Findings& findings, const Listener& found, Wanted wanted) {
    const auto& listeners = *findings.inspection->listeners;
    const bool is_only = std::all_of(listeners.begin(), listeners.end(), [&](const Listener& item) {
        return !wanted(item) || nginx_form(item) == nginx_form(found);
    });
    if (is_only && found.is_open && found.is_reachable && findings.backend.host.empty() &&
        !findings.inspection->is_listeners_cut) {
        file.remedy("from", findings.backend.address).remedy("to", nginx_form(found));
    }
}

// "" or a hint in front of the advice
std::string closed_words(const Listener& listener) {
    return listener.is_open ? ""
                            : listener.address +
                                  " is closed to nginx's worker user: set "
                                  "listen.owner and listen.group first. ";
}

std::string path_of(const Findings& findings) {
    constexpr std::string_view kUnix = "unix:";
    return findings.backend.address.substr(kUnix.size());
}

// The last component that is there, or the first that is not, unless a link led away from the path.
const PathStep* find_last_step(const Findings& findings) {
    const auto& steps = findings.inspection->path;
    const bool is_on_the_way =
        !steps.empty() && (path_of(findings) + "/").starts_with(steps.back().path + "/");
    return is_on_the_way ? &steps.back() : nullptr;
}

// Why a restart would fail, or harm somebody else; "": it makes the file anew. PHP-FPM unlinks what
// lies there, another application may give up where that is no socket; no one unlinks a folder.
std::string find_obstacle(const Findings& findings, const Listener& own) {
    if (!own.taken_by.empty() && own.taken_by != findings.unit_name) {
        return "the socket of " + own.taken_by + " lies there now";
    }
    const PathStep* last = find_last_step(findings);
    if (last == nullptr) {
        return "";
    }
    const bool is_folder = last->kind == StepKind::kDirectory;
    if (last->path != path_of(findings)) {
        const bool is_missing = last->kind == StepKind::kMissing;
        // a folder: the look went no further
        return is_folder ? "" : last->path + (is_missing ? " is gone" : " is no folder");
    }
    if (is_folder) {
        return last->path + " is a folder now";
    }
    const bool is_plain = last->kind == StepKind::kOther;
    return is_plain && findings.role != ServiceRole::kPhpFpm ? last->path + " is no socket now"
                                                             : "";
}

// The closed file is the one that the unit's main process listens on, under the name that nginx
// has: of this file alone the owner may be changed.
bool is_of_unit(const Findings& findings, const Listener* listener, const PathStep& step) {
    return listener != nullptr && listener->is_main && listener->is_reachable &&
           listener->address == findings.backend.address && is_unix(findings) &&
           step.path == path_of(findings);
}

}  // namespace

// Whatever the probe met there: nothing, a plain file, a folder, or a socket of somebody else's,
// which may refuse, deny, keep silent or speak of other things.
std::optional<Diagnosis> judge_socket_deleted(const Findings& findings) {
    const Listener* listener = find_own_listener(findings);
    if (!is_unix(findings) || listener == nullptr || listener->is_reachable ||
        !is_probe_bad(findings)) {
        return std::nullopt;
    }
    const std::string obstacle = find_obstacle(findings, *listener);
    CaseFile file =
        connect_case(obstacle.empty() ? Cause::kSocketDeleted : Cause::kSocketBlocked, findings);
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
    const PathStep* step = find_closed_step(findings);
    const Listener* listener = find_own_listener(findings);
    const bool is_of_another = listener != nullptr && !listener->is_reachable;
    if (!has_outcome(findings, {ProbeOutcome::kDenied}) || step == nullptr || is_of_another) {
        return std::nullopt;
    }
    const std::string what = step->kind == StepKind::kDirectory ? "directory " : "socket ";
    CaseFile file = connect_case(Cause::kSocketOwnership, findings);
    file.inspection(what + step->path + " is closed to nginx's worker user: " + owner_words(*step));
    const bool is_directory = step->kind == StepKind::kDirectory;
    if (!is_directory && is_of_unit(findings, listener, *step)) {
        file.remedy("socket", findings.backend.address);
    }
    return file.close(
        "nginx's worker user may not connect to " + findings.backend.address + ": " + what +
            step->path + " is closed to it (" + owner_words(*step) + ").",
        is_directory
            ? "Give the worker user search permission on " + step->path +
                  " (`ls -ld`), or move the socket to a directory it may enter."
            : "Set listen.owner, listen.group and listen.mode = 0660 of the pool to nginx's user, "
              "then `systemctl restart " +
                  findings.unit_name + "`; until then `chown` the socket. Never make it 0666.");
}

std::optional<Diagnosis> judge_path_mismatch(const Findings& findings) {
    if (!is_unix(findings) || !has_no_listener(findings) || is_unit_down(findings) ||
        !has_outcome(findings, {ProbeOutcome::kMissing, ProbeOutcome::kRefused})) {
        return std::nullopt;
    }
    const auto is_free = [&findings](const Listener& listener) {
        return is_living_pool(listener) && !is_configured(findings, listener.address);
    };
    const Listener* free = find_only(findings, is_free);
    const Listener* pool = free != nullptr ? free : find_only(findings, is_living_pool);
    if (pool == nullptr) {
        return std::nullopt;
    }
    CaseFile file = connect_case(Cause::kSocketPathMismatch, findings);
    file.inspection("nobody listens on " + findings.backend.address + "; " + pool->command + " (" +
                    pool->unit + ") listens on " + pool->address);
    if (free != nullptr) {
        point_to(file, findings, *pool, is_free);
    } else {
        point_to(file, findings, *pool, is_living_pool);
    }
    return file.close("nginx points at " + describe(findings.backend) +
                          ", where no pool listens; the living pool of " + pool->unit +
                          " listens on " + pool->address + ".",
                      closed_words(*pool) + "Change " + line_words(findings.backend) + " to " +
                          pool->address + ", then `nginx -t && systemctl reload nginx`.");
}

std::optional<Diagnosis> judge_port_mismatch(const Findings& findings) {
    if (is_unix(findings) || !is_local(findings.backend.address) || !has_no_listener(findings) ||
        is_unit_down(findings) || !has_outcome(findings, {ProbeOutcome::kRefused})) {
        return std::nullopt;
    }
    const bool is_owned = findings.role == ServiceRole::kOther;
    const auto is_fitting = [&](const Listener& listener) {
        return may_be_application(findings, listener) &&
               (!is_owned || listener.unit == findings.unit_name);
    };
    const Listener* app = find_only(findings, is_fitting);
    if (app == nullptr) {
        return std::nullopt;
    }
    CaseFile file = connect_case(Cause::kPortMismatch, findings);
    file.inspection("nobody listens on " + findings.backend.address + "; " + app->command + " (" +
                    app->unit + ") listens on " + app->address);
    point_to(file, findings, *app, is_fitting);
    return file.close("nginx points at " + describe(findings.backend) + ", where nobody listens; " +
                          app->unit + " listens on " + app->address + ".",
                      "Either change " + line_words(findings.backend) + " to port " +
                          std::string{port_of(app->address)} +
                          " and run `nginx -t && systemctl reload nginx`, or make the application "
                          "listen on port " +
                          std::string{port_of(findings.backend.address)} + ".");
}

std::optional<Diagnosis> judge_firewall(const Findings& findings) {
    const bool may_be_filtered =
        is_connect_failure(findings) || has_outcome(findings, {ProbeOutcome::kDenied});
    if (is_unix(findings) || !may_be_filtered || findings.packet_rule.empty() ||
        has_no_listener(findings)) {
        return std::nullopt;
    }
    CaseFile file = connect_case(Cause::kFirewallBlocked, findings);
    file.packet_filter("this rule matches: " + findings.packet_rule);
    if (const Listener* listener = find_own_listener(findings)) {
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
                           !is_local(findings.backend.address);
    const bool is_bad = is_connect_failure(findings) ||
                        has_outcome(findings, {ProbeOutcome::kDenied, ProbeOutcome::kClosedEarly});
    const bool is_log_only =
        !is_probe_bad(findings) && !is_probe_good(findings) &&
        find_symptom(findings,
                     {Symptom::kConnectRefused, Symptom::kConnectTimeout, Symptom::kUnreachable}) !=
            nullptr;
    if (!is_remote || (!is_bad && !is_log_only)) {
        return std::nullopt;
    }
    CaseFile file = connect_case(Cause::kRemoteUpstreamDown, findings);
    const std::string what = is_bad ? " (" + describe(*findings.probe) + ")" : "";
    return file.close("The backend " + describe(findings.backend) +
                          " is on another host or in a container, and cannot be reached" + what +
                          ".",
                      "No unit of this machine is known for it: check the service there (for a "
                      "container `docker ps -a`), the route (`ip route get`) and the filters in "
                      "between.");
}

namespace {

// Only what pm2 has given up on is restarted: what is "stopped" was stopped by a person.
Diagnosis judge_pm2_apps(const Findings& findings, CaseFile& file) {
    file.inspection("pm2 lists " + describe(findings.apps));
    const std::string what =
        findings.unit_name + " is up, but nobody listens on " + describe(findings.backend) + ": ";
    const std::string ask = "As the user of " + findings.unit_name + ": ";
    const Pm2App* errored = find_only_errored(findings.apps);
    if (errored == nullptr || !is_plain_pm2_name(errored->name)) {
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
    const bool is_supervised = findings.role == ServiceRole::kOther && is_unit_up(findings);
    if ((findings.role != ServiceRole::kUnowned && !is_supervised) || !has_no_listener(findings) ||
        !is_local(findings.backend.address) ||
        !has_outcome(findings, {ProbeOutcome::kMissing, ProbeOutcome::kRefused})) {
        return std::nullopt;
    }
    CaseFile file = connect_case(Cause::kAppDown, findings);
    file.inspection("nobody listens on " + findings.backend.address)
        .sightings({}, {Clue::kGaveUp, Clue::kBootFailed, Clue::kAddressInUse});
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
    return file.close(
        "Nobody listens on " + describe(findings.backend) + ", and no unit is known to.",
        "Start the application that should listen there. If it is a systemd unit, a "
        "[[backend]] entry in /etc/gatemend/gatemend.toml names it.");
}

}  // namespace gatemend::core
