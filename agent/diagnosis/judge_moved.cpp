// SPDX-License-Identifier: MIT
// nginx asks where nobody listens, and the application may have gone somewhere else. What is told
// is where it is; a plan to point nginx there is made only where it is proven to be the same
// application, to speak the directive's protocol and to serve nothing else. A name, a control group
// or a path that looks alike proves nothing: a site's script can have all of them.
#include "diagnosis/case_file.hpp"
#include "diagnosis/judges.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace gatemend::diagnosis {

namespace {

// A living end that nginx could be pointed at.
struct Target {
    const core::Listener* listener = nullptr;
    const core::Pool* pool = nullptr;  // nullptr: no pool file tells which one it is
};

// What is known of the address that nginx asks.
struct Claim {
    std::string pool;
    std::string user;
};

bool is_unix(std::string_view address) {
    return address.starts_with("unix:");
}

const core::Seen* seen_before(const Findings& findings) {
    const core::Seen* seen =
        findings.topology == nullptr
            ? nullptr
            : findings.topology->find_seen(core::real_address(findings.backend));
    return seen == nullptr || seen->is_beside ? nullptr : seen;
}

// Where nginx reaches who listens there.
std::string nginx_form(const core::Listener& listener) {
    const std::string port{core::port_of(listener.address)};
    if (listener.address.starts_with("0.0.0.0:") ||
        (listener.address.starts_with("[::]:") && listener.is_dual_stack)) {
        return "127.0.0.1:" + port;
    }
    return listener.address.starts_with("[::]:") ? "[::1]:" + port : listener.address;
}

// Named by nginx's configuration already. The same port of another host may be another name of this
// machine, so it counts as well.
bool is_configured(const Findings& findings, const core::Listener& listener) {
    const std::string_view port = core::port_of(listener.address);
    return std::any_of(findings.configured.begin(), findings.configured.end(), [&](const auto& it) {
        return it == listener.address || (!port.empty() && core::port_of(it) == port);
    });
}

// What pool files say of it, where that decides nothing: left-overs, or two versions of one mind.
std::string words_of_files(const Findings& findings) {
    std::string units;
    if (findings.topology != nullptr) {
        for (const core::Pool& pool : findings.topology->pools) {
            if (pool.address == core::real_address(findings.backend)) {
                units += (units.empty() ? "" : " and of ") + pool.unit;
            }
        }
    }
    return units.empty()
               ? ""
               : "The pool files of " + units +
                     " name it, and nothing shows which unit is to serve it: none was seen "
                     "there, and by systemd's word none or more than one is in use.";
}

// -- PHP-FPM -------------------------------------------------------------------------------------

const core::Pool* find_pool(const Findings& findings, const core::Listener& listener) {
    if (findings.topology == nullptr) {
        return nullptr;
    }
    const auto& pools = findings.topology->pools;
    const auto found = std::find_if(pools.begin(), pools.end(), [&](const core::Pool& pool) {
        return pool.unit == listener.unit && pool.address == listener.address;
    });
    return found == pools.end() ? nullptr : &*found;
}

bool has_pools(const Findings& findings, const std::string& unit) {
    return findings.topology != nullptr &&
           std::any_of(findings.topology->pools.begin(),
                       findings.topology->pools.end(),
                       [&](const core::Pool& pool) { return pool.unit == unit; });
}

// Held by the main process of a PHP-FPM unit, and one of its pools as far as its files can be read:
// pm.status_listen is none.
std::vector<Target> living_pools(const Findings& findings) {
    std::vector<Target> all;
    for (const core::Listener& listener : *findings.inspection->listeners) {
        if (!listener.is_main || core::role_of_unit(listener.unit) != core::ServiceRole::kPhpFpm) {
            continue;
        }
        const core::Pool* pool = find_pool(findings, listener);
        if (pool != nullptr || !has_pools(findings, listener.unit)) {
            all.push_back({&listener, pool});
        }
    }
    return all;
}

// Who was seen there; where nobody was, the pools that left-over files define there.
std::vector<Claim> claims_of(const Findings& findings) {
    std::vector<Claim> claims;
    if (const core::Seen* seen = seen_before(findings); seen != nullptr && !seen->pool.empty()) {
        return {{seen->pool, seen->user}};
    }
    if (findings.topology != nullptr) {
        for (const core::Pool& pool : findings.topology->pools) {
            if (pool.address == core::real_address(findings.backend)) {
                claims.push_back({pool.name, pool.user});
            }
        }
    }
    if (claims.empty() && findings.role == core::ServiceRole::kPhpFpm &&
        !findings.backend.pool.empty()) {
        claims.push_back({findings.backend.pool, ""});
    }
    return claims;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// "/run/php/php8.1-fpm.sock" -> "/run/php/php*-fpm.sock": `version`, or where that is empty
// whatever may be a version of PHP. "" where there is none.
std::string without_version(std::string_view path, std::string_view version) {
    std::string text;
    bool is_found = false;
    for (std::size_t i = 0; i < path.size();) {
        const bool is_begin = is_digit(path[i]) && (i == 0 || !is_digit(path[i - 1]));
        std::size_t end = i + 1;
        if (is_begin && i + 2 < path.size() && path[i + 1] == '.' && is_digit(path[i + 2])) {
            for (end = i + 2; end < path.size() && is_digit(path[end]);) {
                ++end;
            }
        }
        const std::string_view word = path.substr(i, end - i);
        if (word.size() > 2 && (version.empty() || word == version)) {
            text += '*';
            is_found = true;
        } else {
            text += word;
        }
        i = end;
    }
    return is_found ? text : "";
}

// "8.2" of "php8.2-fpm.service", "" without one
std::string_view version_of(std::string_view unit) {
    constexpr std::string_view kPrefix = "php";
    constexpr std::string_view kSuffix = "-fpm.service";
    return unit.starts_with(kPrefix) && unit.ends_with(kSuffix)
               ? unit.substr(kPrefix.size(), unit.size() - kPrefix.size() - kSuffix.size())
               : std::string_view{};
}

// The same socket but for the version of PHP, and that is the version of the unit.
bool is_same_but_version(const Findings& findings, const Target& target) {
    const std::string_view version = version_of(target.listener->unit);
    const std::string& from = findings.backend.address;
    const std::string& to = target.listener->address;
    if (!is_unix(from) || !is_unix(to) || version.empty()) {
        return false;
    }
    const std::string old_place = without_version(from, "");
    return !old_place.empty() && old_place == without_version(to, version);
}

bool is_same_pool(const Claim& claim, const Target& target) {
    return target.pool != nullptr && !claim.pool.empty() && claim.pool == target.pool->name &&
           (claim.user.empty() || target.pool->user.empty() || claim.user == target.pool->user);
}

// The living pools of the same application: the pool's name and user where they are known.
std::vector<Target> fitting_pools(const Findings& findings) {
    if (findings.backend.scheme != core::Scheme::kFastcgi) {
        return {};
    }
    const core::Seen* seen = seen_before(findings);
    if (seen != nullptr && core::role_of_unit(seen->unit) != core::ServiceRole::kPhpFpm) {
        return {};  // it was no pool
    }
    const std::vector<Claim> claims = claims_of(findings);
    std::vector<Target> fitting = living_pools(findings);
    std::erase_if(fitting, [&](const Target& target) {
        if (claims.empty() || target.pool == nullptr) {
            return !is_same_but_version(findings, target);
        }
        return std::none_of(claims.begin(), claims.end(), [&](const Claim& claim) {
            return is_same_pool(claim, target);
        });
    });
    return fitting;
}

// -- the plan ------------------------------------------------------------------------------------

// "" = nginx may be pointed there; else the reason why that is left to a person.
std::string obstacle(const Findings& findings, const std::vector<Target>& fitting) {
    const core::Listener& to = *fitting.front().listener;
    const bool is_only = std::all_of(fitting.begin(), fitting.end(), [&](const Target& item) {
        return nginx_form(*item.listener) == nginx_form(to);
    });
    if (!is_only) {
        return "more than one would fit";
    }
    if (is_configured(findings, to)) {
        return "nginx's configuration names " + nginx_form(to) + " already, for something else";
    }
    if (!to.is_reachable) {
        return "the socket's file was deleted or replaced";
    }
    if (!to.is_open) {
        return to.address +
               " is closed to nginx's worker user: set listen.owner and listen.group "
               "first";
    }
    if (!findings.backend.host.empty()) {
        return "nginx was given a name and not an address";
    }
    return findings.inspection->is_listeners_cut ? "not all who listen here are known" : "";
}

// Adds the plan, or returns why there is none, as a sentence in front of the advice.
std::string plan_words(CaseFile& file,
                       const Findings& findings,
                       const std::vector<Target>& fitting,
                       std::string why_not = "") {
    if (why_not.empty()) {
        why_not = obstacle(findings, fitting);
    }
    if (!why_not.empty()) {
        return "gatemend does not change this by itself nor offer to: " + why_not + ". ";
    }
    file.remedy("from", findings.backend.address)
        .remedy("to", nginx_form(*fitting.front().listener));
    return "";
}

CaseFile moved_case(core::Cause cause,
                    const Findings& findings,
                    const std::vector<Target>& fitting) {
    CaseFile file = connect_case(cause, findings);
    std::string words = "nobody listens on " + findings.backend.address;
    for (const Target& target : fitting) {
        words += "; " + target.listener->command + " (" + target.listener->unit +
                 (target.pool == nullptr ? "" : ", pool " + target.pool->name) + ") listens on " +
                 target.listener->address;
    }
    file.inspection(words);
    return file;
}

std::string living_words(const std::vector<Target>& fitting) {
    std::string words;
    for (const Target& target : fitting) {
        words += (words.empty() ? "the living pool of " : " and that of ") + target.listener->unit +
                 " listens on " + target.listener->address;
    }
    return words;
}

Diagnosis judge_moved_pool(core::Cause cause,
                           const Findings& findings,
                           const std::vector<Target>& fitting) {
    CaseFile file = moved_case(cause, findings, fitting);
    const std::string why_not = plan_words(file, findings, fitting);
    const std::string to = fitting.size() == 1 ? nginx_form(*fitting.front().listener)
                                               : std::string{"the one that is this application's"};
    return file.close("nginx points at " + describe(findings.backend) +
                          ", where no pool listens; " + living_words(fitting) + ".",
                      why_not + "Change " + line_words(findings.backend) + " to " + to +
                          ", then `nginx -t && systemctl reload nginx`.");
}

// -- applications --------------------------------------------------------------------------------

// 0: it has none
int port_number(std::string_view address) {
    const std::string_view digits = core::port_of(address);
    int port = 0;
    (void)std::from_chars(digits.data(), digits.data() + digits.size(), port);  // 0 stays
    return port;
}

// Well-known servers that are no web application, and what runtimes open for debugging and for
// metrics: never to be made public.
bool is_other_service(int port) {
    constexpr std::array<int, 28> kPorts{
        22,   25,   53,   110,  143,  465,  587,  993,  995,  1099, 3306, 5005, 5432,  5672,
        6060, 6379, 8778, 9090, 9100, 9200, 9222, 9229, 9230, 9323, 9464, 9999, 11211, 27017};
    return port == 0 || std::find(kPorts.begin(), kPorts.end(), port) != kPorts.end();
}

bool was_beside(const Findings& findings, const core::Listener& listener) {
    const core::Seen* seen =
        findings.topology == nullptr ? nullptr : findings.topology->find_seen(listener.address);
    return seen != nullptr && seen->is_beside;
}

// What the unit that served the address listens on now and did not before.
std::vector<Target> moved_ends(const Findings& findings) {
    std::vector<Target> ends;
    if (findings.role != core::ServiceRole::kOther) {
        return ends;
    }
    for (const core::Listener& listener : *findings.inspection->listeners) {
        if (listener.unit == findings.unit_name && !is_unix(listener.address) &&
            !is_other_service(port_number(listener.address)) &&
            !is_configured(findings, listener) && !was_beside(findings, listener)) {
            ends.push_back({&listener, nullptr});
        }
    }
    return ends;
}

// Why nginx is not to be pointed there by us; "" when it may be.
std::string app_problem(const Findings& findings, const core::Listener& app) {
    // net.ipv4.ip_local_port_range: what the kernel gives to who asks for any port, as debuggers
    // do.
    constexpr int kFirstOfAny = 32768;
    if (findings.backend.scheme != core::Scheme::kHttp) {
        return "what it speaks there cannot be asked in nginx's protocol";
    }
    if (port_number(app.address) >= kFirstOfAny) {
        return "it may be a port that the kernel chose, and not the application's own";
    }
    return {};
}

Diagnosis judge_moved_app(const Findings& findings, const std::vector<Target>& fitting) {
    CaseFile file = moved_case(core::Cause::kPortMismatch, findings, fitting);
    const core::Listener& app = *fitting.front().listener;
    const std::string why_not = plan_words(file, findings, fitting, app_problem(findings, app));
    return file.close("nginx points at " + describe(findings.backend) + ", where nobody listens; " +
                          app.unit + " listens on " + app.address + ".",
                      why_not + "Either change " + line_words(findings.backend) + " to port " +
                          std::string{core::port_of(app.address)} +
                          " and run `nginx -t && systemctl reload nginx`, or make the application "
                          "listen on port " +
                          std::string{core::port_of(findings.backend.address)} + ".");
}

}  // namespace

std::string line_words(const core::Backend& backend) {
    return backend.where.empty() ? "nginx's line" : "the line at " + backend.where;
}

std::string words_of_before(const Findings& findings) {
    const core::Seen* seen = seen_before(findings);
    if (seen == nullptr) {
        return words_of_files(findings);
    }
    const std::string who = (seen->pool.empty() ? "" : "Pool " + seen->pool + " of ") + seen->unit;
    return has_pools(findings, seen->unit)
               ? who + " served it before, and its files do not name it any more."
               : who + " served it before, and systemd does not know that unit any more.";
}

std::optional<Diagnosis> judge_path_mismatch(const Findings& findings) {
    if (!is_unix(findings.backend.address) || !has_no_listener(findings) ||
        is_unit_down(findings) ||
        !has_outcome(findings, {core::ProbeOutcome::kMissing, core::ProbeOutcome::kRefused})) {
        return std::nullopt;
    }
    const std::vector<Target> fitting = fitting_pools(findings);
    if (fitting.empty()) {
        return std::nullopt;
    }
    return judge_moved_pool(core::Cause::kSocketPathMismatch, findings, fitting);
}

std::optional<Diagnosis> judge_port_mismatch(const Findings& findings) {
    if (is_unix(findings.backend.address) || !core::is_local(findings.backend.address) ||
        !has_no_listener(findings) || is_unit_down(findings) ||
        !has_outcome(findings, {core::ProbeOutcome::kRefused})) {
        return std::nullopt;
    }
    if (const auto pools = fitting_pools(findings); !pools.empty()) {
        return judge_moved_pool(core::Cause::kPortMismatch, findings, pools);
    }
    const std::vector<Target> ends = moved_ends(findings);
    return ends.empty() ? std::nullopt : std::optional{judge_moved_app(findings, ends)};
}

}  // namespace gatemend::diagnosis
