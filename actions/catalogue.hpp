// SPDX-License-Identifier: MIT
// The catalogue: every act gatemend can perform, as a closed set with its contract. Pure data, read
// by the planner, the policy compiler and the executor alike. An act that is not here cannot
// happen.
#pragma once

#include "core/cause.hpp"
#include "core/time.hpp"
#include "core/topology.hpp"
#include "core/unit_state.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::actions {

enum class ActId {
    kStartUnit,
    kRestartUnit,
    kReloadUnit,
    kRestartPm2App,
    kVacuumJournal,
    kFixSocketOwner,
    kSetPoolListen,
    kRepointBackend,
    kRestoreConfig,
    kApplySuggestion,
    kDebugLog,
    kCapturePort,
};

enum class Risk {
    kNone,        // what is touched is down anyway, or nobody notices
    kDisruptive,  // in-flight requests may be lost
    kEdit,        // a file of the administrator's is changed
};

// What the act leaves behind, and so what has to follow it.
enum class Trace {
    kNothing,      // nothing to undo
    kProvisional,  // undone by the executor unless it is confirmed in time
    kTimed,        // undone by the executor when its time is over, whatever the verdict
    kPermanent,    // cannot be undone; what was lost is on record
};

// Which unit a plan of this act names, and so whose allowlist entry and budget count.
enum class Target {
    kService,  // the service whose incident it is
    kNginx,    // nginx, whose configuration is changed
    kHost,     // systemd-journald.service: the act is on the machine
};

// What budgets are counted by: that one kind of act did not help says nothing about another kind.
enum class ActClass {
    kStart,       // of what is down: nobody can lose anything by it
    kDisruption,  // of what runs: restart, reload
    kEdit,        // of a file, or of a socket's owner
    kRoom,        // on the machine's disks
    kEvidence,    // collects what a person needs
};
[[nodiscard]] std::string_view act_class_id(ActClass value);  // "start"
[[nodiscard]] std::optional<ActClass> act_class_from_id(std::string_view id);

enum class ParameterKind {
    kAddress,      // canonical: "unix:/run/x.sock", "127.0.0.1:9000"
    kUnixAddress,  // "unix:/run/x.sock"
    kPath,         // absolute, no "." or "..", [A-Za-z0-9/_.@+:-]{2,255}
    kName,         // [A-Za-z0-9_.-]{1,64}, not starting with "." or "-"
    kSetting,      // "pm.max_children", "php_admin_value[memory_limit]": [A-Za-z0-9_.\[\]]{1,64}
    kValue,        // [A-Za-z0-9_.,:%/ -]{1,64}; the table in settings.hpp says more
    kSeconds,      // 1 ... 604800
    kBytes,        // 1 ... 2^50
};

struct ParameterSpec {
    std::string_view name;
    ParameterKind kind{};
    bool is_optional = false;
    bool is_policy = false;  // set by the rule (`with`), never by a diagnosis
};

struct ActSpec {
    ActId id;
    std::string_view name;  // "start-unit": policies, audit, JSON
    Risk risk;
    Trace trace;
    Target target;
    ActClass act_class;  // but see class_of()
    std::span<const ParameterSpec> parameters;
    std::string_view precondition;   // for people
    std::string_view postcondition;  // for people
    std::string_view inverse;        // "none: ..." where nothing is left behind
    core::Duration timeout;          // upper limit, also where a policy says more
};

[[nodiscard]] std::span<const ActSpec> catalogue();
[[nodiscard]] const ActSpec& spec(ActId id);
[[nodiscard]] std::optional<ActId> act_from_name(std::string_view name);
// `before`: the unit's state that the plan was made for. To restart what is down is to start it.
[[nodiscard]] ActClass class_of(ActId act, core::ActiveState before);

[[nodiscard]] bool starts_unit(ActId act);  // where it is down

// By ParameterSpec::name; sorted, so that the digest does not depend on who made it.
using Parameters = std::map<std::string, std::string, std::less<>>;

inline constexpr std::size_t kMaxParameters = 12;
inline constexpr std::string_view kJournalUnit = "systemd-journald.service";

// nullopt: exactly what the act takes, each well-formed; else what is wrong, naming the parameter.
[[nodiscard]] std::optional<std::string> find_fault(ActId act, const Parameters& parameters);
[[nodiscard]] bool is_well_formed(ParameterKind kind, std::string_view value);

// One file as an edit finds and leaves it. `before` "" = it does not exist yet, `after` "" = it is
// removed.
struct FileChange {
    std::string path;    // absolute, symbolic links resolved
    std::string before;  // SHA-256 of the content, hex
    std::string after;

    friend bool operator==(const FileChange&, const FileChange&) = default;
};

// A plan: one act on one target with what was seen when it was made. The executor performs it only
// while that still holds. The incident's number is not part of it, so a dry run's digest is the
// same. `changes` is found by whoever makes the digest (executor, dry run), never told.
struct Plan {
    ActId act{};
    std::string unit;
    core::ServiceRole role{};
    std::string rule;
    core::Cause cause{};
    core::ActiveState expected_active{};
    std::string expected_invocation;
    core::Duration deadline{};
    Parameters parameters{};
    std::vector<FileChange> changes{};

    friend bool operator==(const Plan&, const Plan&) = default;
};

// The text whose SHA-256 is the plan's digest. One `key=value` per line, fixed order; refuses
// nothing: every field is validated before it gets here (units by is_unit_name).
[[nodiscard]] std::string canonical_text(const Plan& plan);

// "restart-unit php8.2-fpm.service", "repoint-backend nginx.service (from unix:/a to unix:/b)"
[[nodiscard]] std::string describe(const Plan& plan);

// "php8.2-fpm.service": [A-Za-z0-9:_.@-]{1,200} ending in ".service", not starting with "." or "-".
[[nodiscard]] bool is_unit_name(std::string_view name);

// Does the act change files through gatemend-mend?
[[nodiscard]] bool is_file_act(ActId act);

}  // namespace gatemend::actions
