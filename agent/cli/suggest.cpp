// SPDX-License-Identifier: MIT
#include "cli/suggest.hpp"

#include "app/documents.hpp"
#include "app/service_logs.hpp"
#include "cli/await.hpp"
#include "cli/exit_code.hpp"
#include "cli/machinery.hpp"
#include "cli/recent_symptoms.hpp"
#include "cli/suggest_cases.hpp"
#include "cli/suggest_plan.hpp"
#include "cli/suggested_plan.hpp"
#include "core/text.hpp"
#include "diagnosis/case_file.hpp"
#include "sandbox/audit/digest.hpp"
#include "sandbox/tools/preview.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <optional>
#include <utility>

namespace gatemend::cli {

namespace {

using app::Json;

// Faults that came and went count as well: what is suggested is to last.
constexpr std::time_t kPastSeconds = std::time_t{24} * 3600;

int failed(const std::string& text) {
    (void)std::fprintf(stderr, "gatemend: %s\n", text.c_str());
    return kExitFailed;
}

struct MadePlan {
    std::string digest;
    std::string service;
    actions::Plan plan;
};

// What one run works with.
struct Workshop {
    bus::EventLoop& loop;
    const Machinery& machinery;
    const policy::Policy& policy;
    core::Topology topology;
    std::vector<std::string> problems;
    std::optional<core::Cause> asked{};
    std::map<std::string, core::UnitState> units{};
    std::vector<core::SymptomSeen> nginx_records{};
    std::vector<MadePlan> made{};
};

void read_units(Workshop& shop) {
    for (const core::Service& service : shop.topology.services) {
        auto state =
            await<core::UnitState>(shop.loop, kFactDeadline, [&](Answer<core::UnitState> done) {
                shop.machinery.systemd->read_unit(service.unit, std::move(done));
            });
        if (state) {
            shop.units.emplace(service.unit, *std::move(state));
        } else {
            shop.problems.push_back(service.unit + ": " + state.error().text);
        }
    }
}

std::optional<core::Inspection> look_at(Workshop& shop, const core::Service& service) {
    const std::string unit = actions::is_unit_name(service.unit) ? service.unit : "";
    const std::string address = service.backends.empty() ? "" : service.backends.front().address;
    const auto text = await<std::string>(shop.loop, kFactDeadline, [&](Answer<std::string> done) {
        shop.machinery.facts->inspect(unit, address, std::move(done));
    });
    auto look =
        text ? core::decode_inspection(*text) : core::Result<core::Inspection>{text.error()};
    if (!look) {
        shop.problems.push_back(service.unit + " could not be looked at: " + look.error().text);
        return std::nullopt;
    }
    return *std::move(look);
}

std::vector<core::SymptomSeen> records_of(const Workshop& shop, const core::Service& service) {
    std::vector<core::SymptomSeen> records = shop.nginx_records;
    const auto add = [&records](std::vector<core::SymptomSeen> more) {
        std::ranges::move(more, std::back_inserter(records));
    };
    add(recent_fpm_symptoms(service, std::time(nullptr) - kPastSeconds));
    if (actions::is_unit_name(service.unit)) {
        add(app::read_unit_journal(service.unit,
                                   shop.loop.now() - std::chrono::seconds{kPastSeconds}));
    }
    return records;
}

diagnosis::Findings findings_of(const Workshop& shop,
                                const core::Service& service,
                                const core::Backend& backend,
                                const std::optional<core::Inspection>& look) {
    diagnosis::Findings findings;
    findings.unit_name = service.unit;
    findings.role = service.role;
    findings.backend = backend;
    findings.backends = service.backends;
    findings.nginx_limits = shop.topology.limits;
    if (const auto state = shop.units.find(service.unit); state != shop.units.end()) {
        findings.unit = state->second;
    }
    findings.inspection = look;
    return findings;
}

void add_plan(Workshop& shop,
              const diagnosis::Findings& findings,
              const diagnosis::Suggestion& suggestion,
              Json& item) {
    const PlanSources sources{shop.policy, shop.topology, shop.units, shop.loop.now()};
    auto plan = plan_of(sources, findings, suggestion);
    if (!plan) {
        item["problem"] = plan.error().text;
        return;
    }
    const sandbox::PreviewPorts ports{*shop.machinery.facts,
                                      *shop.machinery.mender,
                                      *shop.machinery.runner,
                                      *shop.machinery.systemd};
    auto preview =
        await<sandbox::Preview>(shop.loop, kFactDeadline, [&](Answer<sandbox::Preview> done) {
            sandbox::preview(ports, *plan, std::move(done));
        });
    if (!preview) {
        item["problem"] = preview.error().text;
        return;
    }
    plan->changes = std::move(preview->changes);
    item["diff"] = preview->full.empty() ? preview->text : preview->full;  // to root
    item["digest"] = sandbox::sha256_hex(actions::canonical_text(*plan));
    item["plan"] = app::plan_document(*plan, item["digest"].get<std::string>(), "");
    shop.made.push_back({item["digest"].get<std::string>(), findings.unit_name, *std::move(plan)});
}

Json suggestion_document(Workshop& shop,
                         const diagnosis::Findings& findings,
                         const diagnosis::Suggestion& suggestion) {
    const bool is_known = suggestion.cause != core::Cause::kUnknown;
    Json settings = Json::array();
    for (const diagnosis::SuggestedSetting& setting : suggestion.settings) {
        settings.push_back({{"name", setting.name},
                            {"value", setting.value},
                            {"now", setting.now.value},
                            {"where", setting.now.where}});
    }
    const bool is_fix = suggestion.merit == diagnosis::Merit::kFix;
    const bool is_something = !settings.empty() || !suggestion.socket.empty();
    Json item{{"cause", is_known ? std::string{core::cause_id(suggestion.cause)} : ""},
              {"merit",
               !is_something ? ""
               : is_fix      ? "fix"
                             : "band-aid"},
              {"text", core::sanitize(suggestion.text)},
              {"settings", std::move(settings)},
              {"arithmetic", suggestion.arithmetic},
              {"next", suggestion.next},
              {"diff", ""},
              {"digest", ""},
              {"problem", ""}};
    if (is_something) {
        add_plan(shop, findings, suggestion, item);
    }
    return item;
}

// Where a pool file lets nginx in as it is written there is no plan, and nothing to tell unless
// somebody asks.
void add_listen(Workshop& shop, const diagnosis::Findings& findings, Json& list) {
    const bool is_asked = shop.asked == core::Cause::kSocketOwnership;
    const auto suggestion = diagnosis::suggest_listen(findings);
    if (!suggestion || (shop.asked && !is_asked)) {
        return;
    }
    Json item = suggestion_document(shop, findings, *suggestion);
    if (item["digest"].get<std::string>().empty()) {
        item["text"] = std::exchange(item["problem"], "");
        item["merit"] = "";
    }
    if (is_asked || !item["digest"].get<std::string>().empty()) {
        list.push_back(std::move(item));
    }
}

std::vector<std::string> settings_now(const diagnosis::Findings& findings) {
    const core::PoolSettings& pool = findings.backend.fpm;
    const std::string prefix = diagnosis::directive_prefix(findings.backend);
    std::vector<std::string> lines;
    const auto add = [&lines](const std::string& name, const core::ConfigLine& line) {
        if (std::string words = diagnosis::config_words(name, line); !words.empty()) {
            lines.push_back(std::move(words));
        }
    };
    if (findings.role == core::ServiceRole::kNginx) {
        add("worker_connections", findings.nginx_limits.worker_connections);
        add("worker_rlimit_nofile", findings.nginx_limits.worker_rlimit_nofile);
        return lines;
    }
    add("pm", pool.pm);
    add("pm.max_children", pool.max_children);
    add("pm.start_servers", pool.start_servers);
    add("pm.min_spare_servers", pool.min_spare_servers);
    add("pm.max_spare_servers", pool.max_spare_servers);
    add("request_terminate_timeout", pool.terminate_timeout);
    add("request_slowlog_timeout", pool.slowlog_timeout);
    add("memory_limit", pool.memory_limit);
    add(prefix + "_read_timeout", findings.backend.read_timeout);
    add(prefix + "_buffer_size", findings.backend.buffer_size);
    return lines;
}

Json place_document(Workshop& shop,
                    const diagnosis::Findings& findings,
                    const std::vector<diagnosis::Suggestion>& suggestions) {
    Json list = Json::array();
    for (const diagnosis::Suggestion& suggestion : suggestions) {
        list.push_back(suggestion_document(shop, findings, suggestion));
    }
    add_listen(shop, findings, list);
    return {{"unit", findings.unit_name},
            {"pool", findings.backend.pool},
            {"address", findings.backend.address},
            {"now", settings_now(findings)},
            {"suggestions", std::move(list)}};
}

void add_places(Workshop& shop, const core::Service& service, Json& places) {
    const auto look = look_at(shop, service);
    const auto records = records_of(shop, service);
    for (const core::Backend& backend : service.backends) {
        diagnosis::Findings findings = findings_of(shop, service, backend, look);
        findings.sightings = sightings_of(records, service, backend);
        Json place = place_document(shop, findings, suggestions_for(findings, shop.asked));
        if (!place["suggestions"].empty()) {
            places.push_back(std::move(place));
        }
    }
}

core::Result<Json> document_of(Workshop& shop, const std::string& unit) {
    Json places = Json::array();
    std::vector<core::Service> services = shop.topology.services;
    std::ranges::transform(
        shop.topology.unowned, std::back_inserter(services), core::unowned_service);
    const bool is_known = std::ranges::find(services, unit, &core::Service::unit) != services.end();
    if (!unit.empty() && !is_known) {
        return core::Error{core::sanitize(unit) + " serves no backend of nginx's"};
    }
    for (const core::Service& service : services) {
        if (unit.empty() || service.unit == unit) {
            add_places(shop, service, places);
        }
    }

    return Json{
        {"version", GATEMEND_VERSION}, {"problems", shop.problems}, {"places", std::move(places)}};
}

int print(const SuggestOptions& options, const Json& document) {
    const std::string text = options.is_json ? app::dump(document) + "\n" : suggest_text(document);
    (void)std::fputs(text.c_str(), stdout);
    return kExitOk;
}

core::Result<policy::Policy> read_policy(const SuggestOptions& options) {
    policy::LoadedPolicy loaded = policy::load_policy(options.policies);
    if (!loaded.errors.empty()) {
        return core::Error{"the policies are broken:\n" + policy::render(loaded.errors.front())};
    }
    return std::move(loaded.policy);
}

Workshop open_workshop(bus::EventLoop& loop,
                       const Machinery& machinery,
                       const policy::Policy& policy,
                       const SuggestOptions& options) {
    std::vector<std::string> problems;
    core::Topology topology =
        learn_topology(loop, machinery, {policy.settings, options.topology}, problems);
    Workshop shop{loop, machinery, policy, std::move(topology), std::move(problems)};
    shop.nginx_records =
        recent_symptoms(shop.topology.error_logs, std::time(nullptr), kPastSeconds);
    read_units(shop);
    return shop;
}

core::Result<Json> make_document(const SuggestOptions& options, std::optional<core::Cause> asked) {
    GATEMEND_TRY(policy, read_policy(options));
    GATEMEND_TRY(loop, bus::EventLoop::open());
    GATEMEND_TRY(machinery, open_machinery(loop));
    Workshop shop = open_workshop(loop, machinery, policy, options);
    shop.asked = asked;
    return document_of(shop, options.unit);
}

// What shows, and then each cause that can be asked for.
std::vector<std::optional<core::Cause>> questions() {
    std::vector<std::optional<core::Cause>> all{std::nullopt};
    for (const core::Cause cause : askable_causes()) {
        all.emplace_back(cause);
    }
    return all;
}

}  // namespace

core::Result<std::optional<SuggestedPlan>> find_suggestion(const SuggestOptions& options,
                                                           const std::string& digest) {
    GATEMEND_TRY(policy, read_policy(options));
    GATEMEND_TRY(loop, bus::EventLoop::open());
    GATEMEND_TRY(machinery, open_machinery(loop));
    Workshop shop = open_workshop(loop, machinery, policy, options);
    for (const auto& asked : questions()) {
        shop.asked = asked;
        GATEMEND_CHECK(document_of(shop, options.unit));
        const auto found = std::ranges::find(shop.made, digest, &MadePlan::digest);
        if (found != shop.made.end()) {
            return std::optional{SuggestedPlan{std::move(found->plan),
                                               std::move(found->service),
                                               std::move(shop.topology),
                                               policy}};
        }
    }
    return std::optional<SuggestedPlan>{};
}

int run_suggest(const SuggestOptions& options) {
    const auto asked = core::cause_from_id(options.cause);
    const bool is_askable =
        asked && (diagnosis::is_suggestible(*asked) || asked == core::Cause::kSocketOwnership);
    if (!options.cause.empty() && !is_askable) {
        (void)std::fputs(
            "gatemend: --cause must be pool-saturated, slow-backend, header-too-big, "
            "script-fatal, nginx-fd-limit, oom-killed or socket-ownership\n",
            stderr);
        return kExitUsage;
    }
    if (::geteuid() != 0) {
        return failed("suggest needs root: it measures the workers and reads configurations");
    }
    const auto document = make_document(options, asked);
    return document ? print(options, *document) : failed(document.error().text);
}

}  // namespace gatemend::cli
