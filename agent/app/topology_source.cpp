// SPDX-License-Identifier: MIT
#include "app/topology_source.hpp"

#include "actions/catalogue.hpp"
#include "app/ownership.hpp"
#include "app/topology_file.hpp"
#include "core/one_line.hpp"
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
// After a start: until its workers are there, and others of the same boot.
constexpr core::Duration kSettledLook = std::chrono::seconds{2};

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
        read_files();
        rediscover();
    }
    ask_nginx();
    for (const core::Duration delay : {kSecondLook, kThirdLook}) {
        looks_.push_back(outside_.loop.add_timer(delay, [this] { ask_look(); }));
    }
}

bool TopologySource::is_proven(const std::string& address) const {
    const core::Service* owner = topology_.find_by_address(address);
    const core::Seen* seen = topology_.find_seen(real_address(machine_, address));
    return owner != nullptr && seen != nullptr && seen->unit == owner->unit;
}

bool TopologySource::is_any_unproven() const {
    const auto& all = machine_.nginx.backends;
    return std::any_of(all.begin(), all.end(), [this](const auto& item) {
        return core::is_local(item.address) && !is_proven(item.address);
    });
}

// Only where an address is not proven, or an application's, which may have moved.
void TopologySource::ask_look() {
    const auto& all = machine_.nginx.backends;
    const bool has_app = std::any_of(all.begin(), all.end(), [this](const auto& item) {
        const core::Service* owner = topology_.find_by_address(item.address);
        return owner != nullptr && owner->role == core::ServiceRole::kOther;
    });
    if (is_looking_ || (!has_app && !is_any_unproven())) {
        return;
    }
    is_looking_ = true;
    outside_.executor.inspect("", "", [this](const core::Result<std::string>& text) {
        is_looking_ = false;
        auto look = text ? core::decode_inspection(*text) : text.error();
        if (look) {
            take_look(*look);
        } else {
            outside_.warn("who listens where is not known: " + look.error().text + ", ignoring");
        }
    });
}

void TopologySource::take_look(const core::Inspection& look) {
    if (!look.listeners) {
        return;
    }
    machine_.look.listeners = look.listeners;
    ask_standings([this] {
        if (discover(machine_, outside_.settings(), topology_) != topology_) {
            read_files();
            rediscover();
        }
    });
}

void TopologySource::take_unit(const std::string& unit, const core::UnitState& state) {
    if (!core::is_up(state) || runs_[unit] == state.invocation_id) {
        return;
    }
    runs_[unit] = state.invocation_id;
    if (is_any_unproven()) {
        look_soon_ = outside_.loop.add_timer(kSettledLook, [this] { ask_look(); });
    }
}

std::set<std::string> TopologySource::units_in_question() const {
    std::set<std::string> units;
    const auto add = [&units](const std::string& unit) {
        if (actions::is_unit_name(unit) && units.size() < kMaxStandings) {
            units.insert(unit);
        }
    };
    for (const FpmInstance& instance : machine_.fpm) {
        add(instance.unit);
    }
    std::set<std::string> addresses;
    for (const parse::ConfiguredBackend& item : machine_.nginx.backends) {
        addresses.insert(real_address(machine_, item.address));
    }
    for (const core::Seen& seen : topology_.seen) {
        if (addresses.contains(seen.address)) {
            add(seen.unit);
        }
    }
    for (const core::Listener& listener :
         machine_.look.listeners.value_or(std::vector<core::Listener>{})) {
        const bool is_asked_for =
            std::any_of(addresses.begin(), addresses.end(), [&](const std::string& address) {
                return core::is_answered_by(address, listener);
            });
        if (is_asked_for) {
            add(listener.unit);
        }
    }
    for (const core::Service& service : topology_.services) {
        add(service.unit);
    }
    return units;
}

void TopologySource::ask_standings(std::function<void()> then) {
    if (!outside_.read_standings) {
        then();
        return;
    }
    outside_.read_standings(units_in_question(),
                            [this, then = std::move(then)](Standings standings) {
                                machine_.units = std::move(standings);
                                note_main_processes(machine_.look, machine_.units);
                                then();
                            });
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
        read_files();
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
    read_files();
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
    read_files();
    ask_standings([this] { rediscover(); });
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
    read_files();
    ask_standings([this] {
        rediscover();
        ask_look();
    });
}

std::string TopologySource::take_dump(const core::Result<io::NginxDump>& reply) {
    if (!reply) {
        return reply.error().text;
    }
    if (reply->exit_status != 0 || reply->dump.empty()) {
        return "nginx -T: " + core::sanitize(core::one_line(reply->diagnostics));
    }
    auto parsed = parse::parse_nginx_dump(reply->dump);
    if (!parsed) {
        return "nginx -T: " + parsed.error().text;
    }
    machine_.nginx = std::move(*parsed);
    return "";
}

void TopologySource::read_files() {
    FpmFiles files = read_fpm_files(kEtc);
    machine_.fpm = std::move(files.instances);
    fpm_problems_ = std::move(files.problems);
    resolve_aliases(machine_);
    machine_.is_nginx_installed = is_nginx_installed();
}

void TopologySource::rediscover() {
    // What was guessed without nginx's word is guessed again.
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
