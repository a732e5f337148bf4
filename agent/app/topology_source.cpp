// SPDX-License-Identifier: MIT
#include "app/topology_source.hpp"

#include "app/topology_file.hpp"
#include "core/text.hpp"
#include "io/small_file.hpp"
#include "parse/fact_event.hpp"
#include "sandbox/bus/replace_file.hpp"

#include <algorithm>
#include <utility>

namespace gatemend::app {

namespace {

constexpr const char* kEtc = "/etc";
constexpr std::string_view kNginxUnit = "nginx.service";
// After a dump that could not run at all, twice as long each time; a change is a new beginning. A
// broken configuration is retried when it changes.
constexpr core::Duration kFirstRetry = std::chrono::minutes{1};
constexpr core::Duration kLongestRetry = std::chrono::minutes{30};
// At boot the applications come up after us: who listens where is asked again after these.
constexpr core::Duration kSecondLook = std::chrono::seconds{15};
constexpr core::Duration kThirdLook = std::chrono::minutes{2};

}  // namespace

TopologySource::TopologySource(Outside outside, std::string cache_path)
    : outside_(std::move(outside)),
      cache_path_(std::move(cache_path)),
      watch_(outside_.loop, outside_.inotify, [this](const auto& units) { on_change(units); }) {}

void TopologySource::start() {
    if (const auto text = io::read_small_file(cache_path_, kMaxTopologyFile)) {
        if (auto remembered = decode_topology(*text)) {
            topology_ = std::move(*remembered);
            is_learnt_ = !topology_.services.empty();
            remember_names();
        } else {
            outside_.warn("'" + cache_path_ + "' is no topology, ignoring");
        }
    }
    watch_.set_roots(config_roots(kEtc));
    if (!topology_.services.empty()) {
        rediscover();
    }
    ask_nginx();
    for (const core::Duration delay : {kSecondLook, kThirdLook}) {
        looks_.push_back(outside_.loop.add_timer(delay, [this] { ask_look(); }));
    }
}

// Only where a backend is no pool's: PHP-FPM's files say it all.
void TopologySource::ask_look() {
    const bool is_needed = std::any_of(
        machine_.nginx.backends.begin(), machine_.nginx.backends.end(), [this](const auto& item) {
            const core::Service* owner = topology_.find_by_address(item.address);
            return core::is_local(item.address) &&
                   (owner == nullptr || owner->role == core::ServiceRole::kOther);
        });
    if (!is_needed) {
        return;
    }
    outside_.executor.inspect("", "", [this](const core::Result<std::string>& text) {
        auto look = text ? core::decode_inspection(*text) : text.error();
        if (look) {
            take_look(*look);
        } else {
            outside_.warn("who listens where is not known: " + look.error().text + ", ignoring");
        }
    });
}

void TopologySource::take_look(const core::Inspection& look) {
    if (!look.listeners || look.listeners == machine_.look.listeners) {
        return;
    }
    machine_.look.listeners = look.listeners;
    core::Topology fresh = discover(machine_, outside_.settings(), topology_);
    if (fresh != topology_) {
        rediscover();
    }
}

// What nginx had looked up when it was last seen to read its configuration.
void TopologySource::remember_names() {
    const auto take = [this](const core::Backend& backend) {
        if (!backend.host.empty()) {
            machine_.resolved[backend.host].push_back(backend.address);
        }
    };
    std::ranges::for_each(topology_.unowned, take);
    for (const core::Service& service : topology_.services) {
        std::ranges::for_each(service.backends, take);
    }
}

// nginx resolved its names when it read its configuration; the addresses they meant then are what
// its error log names.
void TopologySource::ask_names(Meanings meanings) {
    std::size_t asked = 0;
    for (const parse::ConfiguredBackend& name : machine_.nginx.names) {
        if (++asked > kMaxNames) {
            break;
        }
        outside_.executor.probe(
            {core::ProbeKind::kResolve, parse::name_of_host(name.host), "", kResolveTimeout},
            [this, meanings, host = name.host](const core::Result<std::string>& line) {
                take_name(host, parse::resolved_addresses(host, line), meanings);
            });
    }
}

void TopologySource::take_name(const std::string& host,
                               std::vector<std::string> addresses,
                               Meanings meanings) {
    if (addresses.empty()) {
        return;
    }
    std::vector<std::string>& known = machine_.resolved[host];
    for (const std::string& address : known) {
        const bool is_new = std::ranges::find(addresses, address) == addresses.end();
        if (meanings == Meanings::kMore && is_new && addresses.size() < kMaxMeanings) {
            addresses.push_back(address);
        }
    }
    if (known != addresses) {
        known = std::move(addresses);
        rediscover();
    }
}

// A state is read property by property: while nginx is being reloaded it may already have the time
// at which that was over.
void TopologySource::take_nginx(const core::UnitState& state) {
    if (state.active != core::ActiveState::kActive) {
        nginx_changed_ = nginx_changed_.value_or(core::TimePoint{});  // its start is yet to come
        return;
    }
    if (nginx_changed_ && *nginx_changed_ != state.changed) {
        ask_names(Meanings::kAll);
    }
    nginx_changed_ = state.changed;
}

void TopologySource::refresh() {
    retry_delay_ = core::Duration::zero();
    rediscover();
    ask_nginx();
}

void TopologySource::on_change(const std::set<std::string>& units) {
    for (const std::string& unit : units) {
        if (!unit.empty()) {
            outside_.on_config_change(unit);
        }
    }
    watch_.set_roots(config_roots(kEtc));
    retry_delay_ = core::Duration::zero();
    rediscover();
    if (units.contains(std::string(kNginxUnit)) || !machine_.has_nginx) {
        ask_nginx();
    }
}

void TopologySource::ask_nginx() {
    if (is_asking_) {
        is_stale_ = true;
        return;
    }
    is_asking_ = true;
    is_stale_ = false;
    retry_.reset();
    outside_.executor.nginx_dump([this](const core::Result<io::NginxDump>& reply) {
        is_asking_ = false;
        on_dump(reply);
        if (is_stale_) {
            ask_nginx();
        }
    });
}

void TopologySource::on_dump(const core::Result<io::NginxDump>& reply) {
    if (const std::string problem = take_dump(reply); !problem.empty()) {
        nginx_problem_ = problem + (is_learnt_ ? "; what was known before is watched"
                                               : "; of nginx only its unit is watched, of what it "
                                                 "passes to only PHP-FPM's pools");
    } else {
        nginx_problem_.clear();
        machine_.has_nginx = true;
        is_learnt_ = true;
        ask_names(Meanings::kMore);
    }
    if (!reply) {
        retry_delay_ = std::clamp<core::Duration>(retry_delay_ * 2, kFirstRetry, kLongestRetry);
        retry_ = outside_.loop.add_timer(retry_delay_, [this] { ask_nginx(); });
    } else {
        retry_delay_ = core::Duration::zero();
    }
    rediscover();
    ask_look();
}

std::string TopologySource::take_dump(const core::Result<io::NginxDump>& reply) {
    if (!reply) {
        return reply.error().text;
    }
    if (reply->exit_status != 0 || reply->dump.empty()) {
        return "nginx -T: " + core::sanitize(reply->diagnostics);
    }
    auto parsed = parse::parse_nginx_dump(reply->dump);
    if (!parsed) {
        return "nginx -T: " + parsed.error().text;
    }
    machine_.nginx = std::move(*parsed);
    return "";
}

void TopologySource::rediscover() {
    FpmFiles files = read_fpm_files(kEtc);
    machine_.fpm = std::move(files.instances);
    fpm_problems_ = std::move(files.problems);
    resolve_aliases(machine_);
    machine_.is_nginx_installed = is_nginx_installed();
    // What was guessed without nginx's word is guessed anew.
    core::Topology fresh =
        discover(machine_, outside_.settings(), is_learnt_ ? topology_ : core::Topology{});
    const bool is_new = fresh != topology_;
    topology_ = std::move(fresh);
    if (is_new && machine_.has_nginx) {
        remember();
    }
    // Also when nothing moved: the engine has the configurations tested again, and the executor
    // answers at once for files it has tested already.
    outside_.on_topology(topology_);
}

void TopologySource::remember() const {
    if (const auto saved = bus::replace_file(cache_path_, encode_topology(topology_)); !saved) {
        outside_.warn(saved.error().text + ", ignoring");
    }
}

std::vector<std::string> TopologySource::problems() const {
    std::vector<std::string> all = fpm_problems_;
    if (!nginx_problem_.empty()) {
        all.insert(all.begin(), nginx_problem_);
    }
    return all;
}

}  // namespace gatemend::app
