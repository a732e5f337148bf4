// SPDX-License-Identifier: MIT
// gatemend.toml -> Settings. Every key is described, with its default, in policies/gatemend.toml.
#include "core/text.hpp"
#include "policies/toml_document.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace gatemend::policy {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMaxPatterns = 64;
constexpr std::size_t kMaxBackends = 256;
constexpr std::size_t kMaxSocketPathBytes = 107;  // sun_path with its NUL

bool is_port(std::string_view text) {
    unsigned port = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
    return failure == std::errc{} && end == text.data() + text.size() && port >= 1 &&
           port <= 65535 && text.front() != '0';
}

// Reads back exactly as written, so "127.1" and "[0:0::1]" are not canonical.
bool is_ip(int family, const std::string& text) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    std::array<char, INET6_ADDRSTRLEN> again{};
    return ::inet_pton(family, text.c_str(), address.data()) == 1 &&
           ::inet_ntop(family, address.data(), again.data(), again.size()) != nullptr &&
           text == again.data();
}

// As core/topology.hpp writes addresses: they are compared as text.
bool is_canonical_address(const std::string& address) {
    constexpr std::string_view kUnix = "unix:";
    if (address.starts_with(kUnix)) {
        const std::string path = address.substr(kUnix.size());
        return path.size() <= kMaxSocketPathBytes && path.starts_with('/') &&
               path.find("//") == std::string::npos && path.find("/../") == std::string::npos &&
               path.find("/./") == std::string::npos;
    }
    const std::size_t colon = address.rfind(':');
    if (colon == std::string::npos || colon + 1 == address.size() ||
        !is_port(std::string_view{address}.substr(colon + 1))) {
        return false;
    }
    const std::string host = address.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']') && host.size() > 2) {
        return is_ip(AF_INET6, host.substr(1, host.size() - 2));
    }
    return is_ip(AF_INET, host);
}

class SettingsReader {
  public:
    SettingsReader(const toml::table& table, Settings& settings, Reporter& reporter)
        : reader_{table, "gatemend.toml", reporter, ""},
          settings_{settings},
          reporter_{reporter} {}

    void run() {
        if (const auto mode = read_mode(reader_)) {
            settings_.mode = mode->value;
        }
        read_units();
        read_limits();
        read_probe();
        read_guards();
        for (const toml::table* table : reader_.tables("backend")) {
            read_backend(*table);
        }
        reader_.finish();
    }

  private:
    void read_units() {
        const toml::array* units = reader_.array("units");
        if (units == nullptr) {
            return;
        }
        settings_.units.clear();
        if (units->size() > kMaxPatterns) {
            reporter_.error(position_of(*units),
                            "\"units\" holds at most " + std::to_string(kMaxPatterns) +
                                " patterns, not " + std::to_string(units->size()));
            return;
        }
        for (const toml::node& element : *units) {
            if (auto pattern = read_string(element, "a unit", reporter_)) {
                add_unit(std::move(*pattern), position_of(element));
            }
        }
        if (units->empty()) {
            reporter_.warning(position_of(*units),
                              "no unit may be acted on: nothing will be healed");
        }
    }

    void add_unit(std::string pattern, Position at) {
        if (refuse_placeholder(pattern, at, reporter_)) {
            return;
        }
        // A pattern is a unit name once its wildcards stand for something.
        std::string example = pattern;
        std::ranges::replace_if(
            example, [](char c) { return c == '*' || c == '?'; }, 'x');
        if (!actions::is_unit_name(example)) {
            reporter_.error(at,
                            "\"" + pattern + "\" is no service name or pattern",
                            "like \"php*-fpm.service\"");
            return;
        }
        const std::string stem = pattern.substr(0, pattern.rfind('.'));
        if (std::ranges::all_of(stem, [](char c) { return c == '*' || c == '?'; })) {
            reporter_.error(at, "\"" + pattern + "\" would allow acts on any service: name them");
            return;
        }
        settings_.units.push_back(std::move(pattern));
    }

    void read_limits() {
        const toml::table* table = reader_.table("limits");
        if (table == nullptr) {
            return;
        }
        TableReader limits{*table, "limits", reporter_};
        if (const toml::table* unit = limits.table("unit")) {
            settings_.unit_limit =
                read_limit(*unit, "limits.unit", settings_.unit_limit, reporter_);
        }
        if (const toml::table* host = limits.table("host")) {
            settings_.host_limit =
                read_limit(*host, "limits.host", settings_.host_limit, reporter_);
        }
        if (const auto rearm = limits.duration("rearm_after", {seconds{5}, hours{24}})) {
            settings_.rearm_after = rearm->value;
        }
        limits.finish();
    }

    void read_probe() {
        const toml::table* table = reader_.table("probe");
        if (table == nullptr) {
            return;
        }
        TableReader probe{*table, "probe", reporter_, "probe."};
        if (const auto timeout = probe.duration("timeout", {milliseconds{100}, seconds{30}})) {
            settings_.probe_timeout = timeout->value;
        }
        if (const auto pause = probe.duration("suspicion_cooldown", {seconds{1}, hours{1}})) {
            settings_.suspicion_cooldown = pause->value;
        }
        probe.finish();
    }

    void read_guards() {
        const toml::table* table = reader_.table("guards");
        if (table == nullptr) {
            return;
        }
        TableReader guards{*table, "guards", reporter_};
        constexpr IntegerRange kPercent{1, 100};
        constexpr std::uint32_t kPermillePerPercent = 10;
        if (const auto grace = guards.duration("boot_grace", {seconds{0}, hours{1}})) {
            settings_.guards.boot_grace = grace->value;
        }
        if (const auto memory = guards.integer("memory_full_percent", kPercent)) {
            settings_.guards.memory_full_permille =
                static_cast<std::uint32_t>(memory->value) * kPermillePerPercent;
        }
        if (const auto io = guards.integer("io_full_percent", kPercent)) {
            settings_.guards.io_full_permille =
                static_cast<std::uint32_t>(io->value) * kPermillePerPercent;
        }
        guards.finish();
    }

    void read_backend(const toml::table& table) {
        TableReader reader{table, "backend", reporter_};
        const auto address = reader.text("address");
        const auto unit = reader.text("unit");
        for (const std::string_view key : {"address", "unit"}) {
            if (!reader.has(key)) {
                reader.report_missing(key);
            }
        }
        reader.finish();
        if (address && unit && check_backend(*address, *unit)) {
            settings_.backends.push_back(BackendOverride{address->value, unit->value});
        }
    }

    bool check_backend(const Found<std::string>& address, const Found<std::string>& unit) {
        const auto same = [&](const BackendOverride& other) {
            return other.address == address.value;
        };
        std::string problem;
        if (!is_canonical_address(address.value)) {
            reporter_.error(address.at,
                            "\"" + address.value + "\" is no backend address",
                            "like \"unix:/run/php/php8.2-fpm.sock\", \"127.0.0.1:9000\" or "
                            "\"[::1]:9000\"");
        } else if (!actions::is_unit_name(unit.value)) {
            reporter_.error(unit.at,
                            "\"" + unit.value + "\" is no service name",
                            "like \"php8.2-fpm.service\"");
        } else if (std::ranges::any_of(settings_.backends, same)) {
            reporter_.error(address.at,
                            "\"" + address.value + "\" is already given to another backend");
        } else if (settings_.backends.size() == kMaxBackends) {
            reporter_.error(address.at, "more than " + std::to_string(kMaxBackends) + " backends");
        } else {
            return true;
        }
        return false;
    }

    TableReader reader_;
    Settings& settings_;
    Reporter& reporter_;
};

}  // namespace

void add_settings(const Source& source, LoadedPolicy& out) {
    Reporter reporter{source.text, source.file, out};
    out.files.push_back(source.file);
    if (const auto document = parse_document(source.text, reporter)) {
        SettingsReader{*document, out.policy.settings, reporter}.run();
        out.settings_places = reporter.take_places();
    }
    reporter.sort_by_position();
}

}  // namespace gatemend::policy
