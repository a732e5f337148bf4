// SPDX-License-Identifier: MIT
#include "actions/catalogue.hpp"

#include "core/closed_set.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>

namespace gatemend::actions {
namespace {

constexpr std::size_t kMaxUnitNameBytes = 200;

constexpr std::array kPm2Parameters{ParameterSpec{"app", ParameterKind::kName}};
constexpr std::array kVacuumParameters{
    // The folder whose file system is full.
    ParameterSpec{"journal", ParameterKind::kPath},
    ParameterSpec{.name = "keep_bytes", .kind = ParameterKind::kBytes, .is_policy = true},
    ParameterSpec{.name = "keep_seconds", .kind = ParameterKind::kSeconds, .is_policy = true}};
constexpr std::array kSocketParameters{ParameterSpec{"socket", ParameterKind::kUnixAddress}};
constexpr std::array kRepointParameters{ParameterSpec{"from", ParameterKind::kAddress},
                                        ParameterSpec{"to", ParameterKind::kAddress}};
// The one that the configuration test complains about.
constexpr std::array kRestoreParameters{ParameterSpec{"file", ParameterKind::kPath}};
constexpr std::array kSuggestionParameters{
    ParameterSpec{"setting", ParameterKind::kSetting},
    ParameterSpec{"value", ParameterKind::kValue},
    // settings that only make sense together
    ParameterSpec{.name = "setting2", .kind = ParameterKind::kSetting, .is_optional = true},
    ParameterSpec{.name = "value2", .kind = ParameterKind::kValue, .is_optional = true},
    ParameterSpec{.name = "setting3", .kind = ParameterKind::kSetting, .is_optional = true},
    ParameterSpec{.name = "value3", .kind = ParameterKind::kValue, .is_optional = true},
    ParameterSpec{.name = "setting4", .kind = ParameterKind::kSetting, .is_optional = true},
    ParameterSpec{.name = "value4", .kind = ParameterKind::kValue, .is_optional = true},
    // the pool, or the backend's address whose location gets it; absent: the unit as a whole
    ParameterSpec{.name = "pool", .kind = ParameterKind::kName, .is_optional = true},
    ParameterSpec{.name = "backend", .kind = ParameterKind::kAddress, .is_optional = true}};
constexpr std::array kDebugParameters{
    ParameterSpec{.name = "seconds", .kind = ParameterKind::kSeconds, .is_policy = true}};
constexpr std::array kCaptureParameters{
    ParameterSpec{"address", ParameterKind::kAddress},
    ParameterSpec{.name = "seconds", .kind = ParameterKind::kSeconds, .is_policy = true}};

// In the order of ActId: spec() indexes it.
constexpr std::array kCatalogue{
    ActSpec{ActId::kStartUnit,
            "start-unit",
            Risk::kNone,
            Trace::kNothing,
            Target::kService,
            ActClass::kStart,
            {},
            "the unit is inactive or failed, nobody stopped it, its configuration test passes",
            "the unit is active",
            "none: a started unit leaves nothing behind to undo",
            std::chrono::seconds{60}},
    ActSpec{ActId::kRestartUnit,
            "restart-unit",
            Risk::kDisruptive,
            Trace::kNothing,
            Target::kService,
            ActClass::kDisruption,
            {},
            "the unit is as it was when the plan was made, its configuration test passes",
            "the unit is active with a new invocation",
            "none: requests in flight are lost and cannot be brought back",
            std::chrono::seconds{120}},
    ActSpec{ActId::kReloadUnit,
            "reload-unit",
            Risk::kNone,
            Trace::kNothing,
            Target::kService,
            ActClass::kDisruption,
            {},
            "the unit is active, its configuration test passes",
            "the unit is active with the same invocation; nginx and PHP-FPM have new workers",
            "none: the configuration it has read is the one on disk",
            std::chrono::seconds{60}},
    ActSpec{ActId::kRestartPm2App,
            "restart-pm2-app",
            Risk::kNone,
            Trace::kNothing,
            Target::kService,
            ActClass::kStart,
            kPm2Parameters,
            "the unit is a pm2 daemon of an ordinary user, and active",
            "pm2 reports the application as online",
            "none: an application that was errored leaves nothing behind",
            std::chrono::seconds{60}},
    ActSpec{ActId::kVacuumJournal,
            "vacuum-journal",
            Risk::kNone,
            Trace::kPermanent,
            Target::kHost,
            ActClass::kRoom,
            kVacuumParameters,
            "the journal's own file system is full, the journal holds more than is to be kept",
            "the journal is smaller; what is kept reaches back as far as the rule says",
            "none: the oldest entries are gone; cursor and bytes before and after are on record",
            std::chrono::seconds{60}},
    ActSpec{
        ActId::kFixSocketOwner,
        "fix-socket-owner",
        Risk::kNone,
        Trace::kProvisional,
        Target::kService,
        ActClass::kEdit,
        kSocketParameters,
        "nginx and its pool have configurations that pass; the file is the very socket on which "
        "the unit's main process listens",
        "nginx's worker user may connect; the mode is what it was",
        "owner and group as they were, on the same socket",
        std::chrono::seconds{30}},
    ActSpec{ActId::kSetPoolListen,
            "set-pool-listen",
            Risk::kEdit,
            Trace::kProvisional,
            Target::kService,
            ActClass::kEdit,
            kSocketParameters,
            "one pool file of the unit names the socket",
            "the pool file says listen.owner, listen.group and listen.mode; PHP-FPM runs with it",
            "the pool file byte for byte as it was, PHP-FPM restarted",
            std::chrono::seconds{120}},
    ActSpec{
        ActId::kRepointBackend,
        "repoint-backend",
        Risk::kEdit,
        Trace::kProvisional,
        Target::kNginx,
        ActClass::kEdit,
        kRepointParameters,
        "nobody listens on the old address; an allowed unit of the same application listens on the "
        "new one, in the directive's protocol, and serves nothing else",
        "every *_pass and upstream server names the new address; nginx has new workers",
        "every file byte for byte as it was, nginx reloaded",
        std::chrono::seconds{60}},
    ActSpec{ActId::kRestoreConfig,
            "restore-config",
            Risk::kEdit,
            Trace::kProvisional,
            Target::kService,
            ActClass::kEdit,
            kRestoreParameters,
            "the configuration test fails and names a file; a kept version of it passes",
            "the file is the newest version that passes; the test passes",
            "the file byte for byte as it was",
            std::chrono::seconds{120}},
    ActSpec{
        ActId::kApplySuggestion,
        "apply-suggestion",
        Risk::kEdit,
        Trace::kProvisional,
        Target::kService,
        ActClass::kEdit,
        kSuggestionParameters,
        "the setting is one that gatemend suggests, its place is found, the test passes with it",
        "the file says the suggested value; the unit runs with it",
        "every file byte for byte as it was, the unit reloaded or restarted",
        std::chrono::seconds{120}},
    ActSpec{ActId::kDebugLog,
            "debug-log",
            Risk::kNone,
            Trace::kTimed,
            Target::kNginx,
            ActClass::kEvidence,
            kDebugParameters,
            "nginx is built with debugging, its configuration names an error_log",
            "nginx writes at level debug",
            "the configuration byte for byte as it was, nginx reloaded",
            std::chrono::seconds{60}},
    ActSpec{ActId::kCapturePort,
            "capture-port",
            Risk::kNone,
            Trace::kNothing,
            Target::kService,
            ActClass::kEvidence,
            kCaptureParameters,
            "tcpdump is installed, the address is a local TCP backend",
            "a capture lies in /var/lib/gatemend/captures",
            "none: the capture is bounded and ends by itself",
            std::chrono::minutes{11}},
};

constexpr bool is_indexed_by_id() {
    for (std::size_t i = 0; i < kCatalogue.size(); ++i) {
        if (static_cast<std::size_t>(kCatalogue[i].id) != i) {
            return false;
        }
    }
    return true;
}

static_assert(is_indexed_by_id());

constexpr std::string_view kServiceSuffix = ".service";

// No <cctype>: it depends on the locale.
constexpr bool is_unit_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{":_.@-"}.find(c) != std::string_view::npos;
}

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxAddressBytes = 128;
constexpr std::size_t kMaxPathBytes = 255;
constexpr std::size_t kMaxSocketPathBytes = 107;  // sun_path less its NUL
constexpr std::uint64_t kMaxSeconds = 604'800;    // a week
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 50U;
constexpr std::string_view kUnixPrefix = "unix:";

constexpr bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_made_of(std::string_view text, std::string_view more) {
    return !text.empty() && std::ranges::all_of(text, [more](char c) {
        return is_alphanumeric(c) || more.find(c) != std::string_view::npos;
    });
}

bool is_number(std::string_view text, std::uint64_t largest) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() && number >= 1 &&
           number <= largest && text.front() != '0';
}

// No "." or ".." among its components and no empty one: the path is the one that systemd, nginx and
// the kernel would name.
bool is_plain_path(std::string_view path) {
    return path.size() > 1 && path.front() == '/' && path.back() != '/' &&
           is_made_of(path, "/_.@+:-") && path.find("//") == std::string_view::npos &&
           path.find("/./") == std::string_view::npos &&
           path.find("/../") == std::string_view::npos && !path.ends_with("/.") &&
           !path.ends_with("/..");
}

bool is_unix_address(std::string_view address) {
    if (!address.starts_with(kUnixPrefix)) {
        return false;
    }
    const std::string_view path = address.substr(kUnixPrefix.size());
    return path.size() <= kMaxSocketPathBytes && is_plain_path(path);
}

// "IP:PORT"; whether it is an address is found out where it is connected to.
bool is_tcp_address(std::string_view address) {
    const std::size_t colon = address.rfind(':');
    constexpr std::uint64_t kMaxPort = 65'535;
    return address.size() <= kMaxAddressBytes && colon != std::string_view::npos && colon > 0 &&
           is_made_of(address.substr(0, colon), ".:[]") &&
           is_number(address.substr(colon + 1), kMaxPort);
}

}  // namespace

std::span<const ActSpec> catalogue() {
    return kCatalogue;
}

const ActSpec& spec(ActId id) {
    return kCatalogue[static_cast<std::size_t>(id)];
}

std::string_view act_class_id(ActClass value) {
    switch (value) {
        case ActClass::kStart:
            return "start";
        case ActClass::kDisruption:
            return "disruption";
        case ActClass::kEdit:
            return "edit";
        case ActClass::kRoom:
            return "room";
        case ActClass::kEvidence:
            return "evidence";
    }
    return "?";
}

std::optional<ActClass> act_class_from_id(std::string_view id) {
    return core::find_by_id(id, ActClass::kEvidence, act_class_id);
}

ActClass class_of(ActId act, core::ActiveState before) {
    const bool was_down =
        before == core::ActiveState::kInactive || before == core::ActiveState::kFailed;
    return act == ActId::kRestartUnit && was_down ? ActClass::kStart : spec(act).act_class;
}

bool starts_unit(ActId act) {
    return act == ActId::kStartUnit || act == ActId::kRestartUnit;
}

std::optional<ActId> act_from_name(std::string_view name) {
    const auto* found = std::ranges::find(kCatalogue, name, &ActSpec::name);
    if (found == kCatalogue.end()) {
        return std::nullopt;
    }
    return found->id;
}

std::string canonical_text(const Plan& plan) {
    std::string text = "gatemend-plan=1\n";
    const auto add = [&text](std::string_view key, std::string_view value) {
        text.append(key).append("=").append(value).append("\n");
    };
    add("act", spec(plan.act).name);
    add("unit", plan.unit);
    add("role", core::service_role_id(plan.role));
    add("rule", plan.rule);
    add("cause", core::cause_id(plan.cause));
    add("expected_active", core::active_state_id(plan.expected_active));
    add("expected_invocation", plan.expected_invocation);
    add("deadline_usec", std::to_string(plan.deadline.count()));
    for (const auto& [name, value] : plan.parameters) {
        add("with." + name, value);
    }
    for (const FileChange& change : plan.changes) {
        add("change", change.before + " " + change.after + " " + change.path);
    }
    return text;
}

std::string describe(const Plan& plan) {
    std::string text = std::string{spec(plan.act).name} + " " + plan.unit;
    std::string details;
    for (const auto& [name, value] : plan.parameters) {
        details += details.empty() ? "" : ", ";
        details += name;
        details += " ";
        details += value;
    }
    return details.empty() ? text : text + " (" + details + ")";
}

bool is_well_formed(ParameterKind kind, std::string_view value) {
    switch (kind) {
        case ParameterKind::kAddress:
            return is_unix_address(value) || is_tcp_address(value);
        case ParameterKind::kUnixAddress:
            return is_unix_address(value);
        case ParameterKind::kPath:
            return value.size() <= kMaxPathBytes && is_plain_path(value);
        case ParameterKind::kName:
            return value.size() <= kMaxNameBytes && is_made_of(value, "_.-") &&
                   value.front() != '.' && value.front() != '-';
        case ParameterKind::kSetting:
            return value.size() <= kMaxNameBytes && is_made_of(value, "_.[]");
        case ParameterKind::kValue:
            return value.size() <= kMaxNameBytes && is_made_of(value, "_.,:%/ -");
        case ParameterKind::kSeconds:
            return is_number(value, kMaxSeconds);
        case ParameterKind::kBytes:
            return is_number(value, kMaxBytes);
    }
    return false;
}

std::optional<std::string> find_fault(ActId act, const Parameters& parameters) {
    const std::span<const ParameterSpec> known = spec(act).parameters;
    for (const auto& [name, value] : parameters) {
        const auto found = std::ranges::find(known, name, &ParameterSpec::name);
        if (found == known.end()) {
            return std::string{spec(act).name} + " takes no parameter of that name";
        }
        if (!is_well_formed(found->kind, value)) {
            return "parameter " + name + " is not well-formed";
        }
    }
    for (const ParameterSpec& parameter : known) {
        if (!parameter.is_optional && !parameters.contains(parameter.name)) {
            return "parameter " + std::string{parameter.name} + " is missing";
        }
    }
    return std::nullopt;
}

bool is_file_act(ActId act) {
    switch (act) {
        case ActId::kSetPoolListen:
        case ActId::kRepointBackend:
        case ActId::kRestoreConfig:
        case ActId::kApplySuggestion:
        case ActId::kDebugLog:
            return true;
        case ActId::kStartUnit:
        case ActId::kRestartUnit:
        case ActId::kReloadUnit:
        case ActId::kRestartPm2App:
        case ActId::kVacuumJournal:
        case ActId::kFixSocketOwner:
        case ActId::kCapturePort:
            break;
    }
    return false;
}

bool is_unit_name(std::string_view name) {
    if (name.size() > kMaxUnitNameBytes || !name.ends_with(kServiceSuffix)) {
        return false;
    }
    const std::string_view stem = name.substr(0, name.size() - kServiceSuffix.size());
    return !stem.empty() && stem.front() != '.' && stem.front() != '-' &&
           std::ranges::all_of(stem, is_unit_char);
}

}  // namespace gatemend::actions
