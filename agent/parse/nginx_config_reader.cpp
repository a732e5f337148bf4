// SPDX-License-Identifier: MIT
#include "parse/nginx_config_reader.hpp"

#include "core/text.hpp"
#include "parse/address.hpp"
#include "parse/text_scan.hpp"

#include <algorithm>

namespace gatemend::parse {
namespace {

constexpr std::size_t kMaxFound = 4096;
constexpr std::size_t kMaxSkipped = 256;
constexpr std::size_t kMaxPerServer = 64;  // names or addresses kept of one server{}
constexpr std::size_t kMaxFormatBytes = 4096;

void add_unique(std::vector<std::string>& list, const std::string& item, std::size_t limit) {
    if (list.size() < limit && std::ranges::count(list, item) == 0) {
        list.push_back(item);
    }
}

int number_of(std::string_view text, int otherwise) {
    TextScan scan(text);
    const auto number = scan.number();
    return number && scan.is_at_end() ? *number : otherwise;
}

// `weight=5`, `backup` … of a `server` in an upstream{}
void take_parameter(std::string_view word, GroupMember& member) {
    TextScan scan(word);
    if (scan.skip("weight=")) {
        member.weight = number_of(scan.rest(), member.weight);
    } else if (scan.skip("max_fails=")) {
        member.max_fails = number_of(scan.rest(), member.max_fails);
    } else if (scan.skip("fail_timeout=")) {
        member.fail_timeout = scan.rest();
    } else if (scan.skip("max_conns=")) {
        member.max_conns = number_of(scan.rest(), member.max_conns);
    }
    member.is_down = member.is_down || word == "down";
    member.is_backup = member.is_backup || word == "backup";
    member.is_resolved_live = member.is_resolved_live || word == "resolve";
}

bool is_not_a_file(std::string_view target) {
    return target == "stderr" || target.starts_with("syslog:") || target.starts_with("memory:") ||
           target.starts_with("/dev/");
}

}  // namespace

void NginxConfigReader::read() {
    read_file(0, 0);
    name_log_formats();
    for (const Pass& pass : passes_) {
        resolve(pass);
    }
    config_.longest_wait = scopes_.longest_read_timeout();
}

void NginxConfigReader::skip(const std::string& what, const std::string& where) {
    std::string note = core::sanitize(what + " at " + where);
    if (config_.skipped.size() < kMaxSkipped && known_skips_.insert(note).second) {
        config_.skipped.push_back(std::move(note));
    }
}

void NginxConfigReader::take_directive(const Directive& directive, std::size_t depth) {
    const BlockKind kind = blocks_.back().kind;
    if (directive.words.size() < 2) {
        return;
    }
    if (directive.words[0] == "include") {
        take_include(directive, depth);
        return;
    }
    if (kind != BlockKind::kData && directive.words[0] == "error_log") {
        take_error_log(directive);
        return;
    }
    switch (kind) {
        case BlockKind::kMain:
        case BlockKind::kEvents:
            take_main(directive);
            break;
        case BlockKind::kHttp:
        case BlockKind::kServer:
        case BlockKind::kLocation:
            take_http(directive);
            break;
        case BlockKind::kUpstream:
            take_upstream(directive);
            break;
        case BlockKind::kForeign:
        case BlockKind::kData:
            break;
    }
}

void NginxConfigReader::take_main(const Directive& directive) {
    const std::string& name = directive.words[0];
    Setting setting{directive.words[1], directive.where()};
    if (blocks_.back().kind == BlockKind::kEvents) {
        if (name == "worker_connections") {
            config_.global.worker_connections = std::move(setting);
        }
    } else if (name == "user") {
        config_.user = directive.words[1];
    } else if (name == "worker_processes") {
        config_.global.worker_processes = std::move(setting);
    } else if (name == "worker_rlimit_nofile") {
        config_.global.worker_rlimit_nofile = std::move(setting);
    }
}

void NginxConfigReader::take_http(const Directive& directive) {
    const BlockKind kind = blocks_.back().kind;
    const std::string& name = directive.words[0];
    if (kind == BlockKind::kServer && name == "listen") {
        take_listen(directive);
    } else if (kind == BlockKind::kServer && name == "server_name") {
        take_server_name(directive);
    } else if (name == "access_log") {
        take_access_log(directive);
    } else if (kind == BlockKind::kHttp && name == "log_format") {
        take_log_format(directive);
    } else if (kind != BlockKind::kHttp && name == "return") {
        take_return(directive);
    } else if (name == "resolver") {
        if (config_.resolvers.size() < kMaxSkipped) {
            config_.resolvers.push_back(Setting{directive.joined(), directive.where()});
        }
    } else if (kind != BlockKind::kHttp && is_pass_directive(name)) {
        take_pass(directive);
    } else {
        take_setting(directive);
    }
}

void NginxConfigReader::take_setting(const Directive& directive) {
    const std::string& name = directive.words[0];
    const std::size_t prefix = name.find('_');
    if (prefix == std::string::npos || !pass_setting_from_id(name.substr(prefix + 1))) {
        return;
    }
    (void)scopes_.set(  // false: of a module that has no backends
        current_scope(),
        name,
        Setting{directive.joined(), directive.where()});
}

void NginxConfigReader::take_upstream(const Directive& directive) {
    if (directive.words[0] == "server") {
        take_member(directive);
    } else if (directive.words[0] == "keepalive") {
        config_.groups[blocks_.back().group].keepalive = directive.words[1];
    }
}

void NginxConfigReader::take_listen(const Directive& directive) {
    blocks_.back().has_listen = true;
    const std::vector<std::string>& words = directive.words;
    const bool is_udp = std::ranges::count(words, "quic") > 0;
    const std::string_view text = words[1];
    if (is_udp || text.starts_with("unix:")) {
        return;
    }
    // A range of ports: the first stands for all.
    const std::size_t colon = text.rfind(':');
    const std::size_t dash = text.find('-', colon == std::string_view::npos ? 0 : colon);
    auto address = listen_address(text.substr(0, dash), 80);
    if (!address) {
        skip("listen " + words[1], directive.where());
        return;
    }
    if (text.starts_with("[::]") && std::ranges::count(words, "ipv6only=off") > 0) {
        *address = "127.0.0.1" + address->substr(address->rfind(':'));
    }
    add_listen(*address);
}

void NginxConfigReader::add_listen(const std::string& address) {
    if (blocks_.back().server != kNone) {
        add_unique(servers_[blocks_.back().server].listens, address, kMaxPerServer);
    }
    if (known_listens_.size() < kMaxFound && known_listens_.insert(address).second) {
        config_.listens.push_back(address);
    }
}

void NginxConfigReader::take_server_name(const Directive& directive) {
    if (blocks_.back().server == kNone) {
        return;
    }
    for (std::size_t i = 1; i < directive.words.size(); ++i) {
        add_unique(servers_[blocks_.back().server].names, directive.words[i], kMaxPerServer);
    }
}

void NginxConfigReader::take_error_log(const Directive& directive) {
    const std::string& target = directive.words[1];
    if (is_not_a_file(target)) {
        return;
    }
    // Relative to a prefix that was compiled in; `off` is such a file, too.
    if (!target.starts_with('/')) {
        skip("error_log " + target + " (relative)", directive.where());
        return;
    }
    add_unique(config_.error_logs, target, kMaxSkipped);
}

void NginxConfigReader::take_access_log(const Directive& directive) {
    const std::vector<std::string>& words = directive.words;
    const std::string& path = words[1];
    if (path == "off" || is_not_a_file(path)) {
        return;
    }
    const bool is_fixed = path.starts_with('/') && path.find('$') == std::string::npos;
    if (!is_fixed || config_.access_logs.size() >= kMaxFound) {
        skip("access_log " + path, directive.where());
        return;
    }
    // `buffer=32k` and the like may stand where the name of the format would.
    const bool has_format =
        words.size() > 2 && words[2].find('=') == std::string::npos && words[2] != "gzip";
    const std::string format = has_format ? words[2] : "combined";
    const bool is_known = std::ranges::any_of(config_.access_logs, [&](const LogPlace& place) {
        return place.path == path && place.format == format;
    });
    if (!is_known) {
        config_.access_logs.push_back(LogPlace{path, format, "", directive.where()});
    }
}

// log_format NAME [escape=json] 'text' 'more text';
void NginxConfigReader::take_log_format(const Directive& directive) {
    std::string text;
    for (std::size_t i = 2; i < directive.words.size(); ++i) {
        const bool is_option = i == 2 && directive.words[i].starts_with("escape=");
        text += is_option ? "" : directive.words[i];
    }
    if (log_formats_.size() < kMaxSkipped) {
        log_formats_.emplace(directive.words[1], text.substr(0, kMaxFormatBytes));
    }
}

void NginxConfigReader::name_log_formats() {
    log_formats_.emplace("combined",
                         "$remote_addr - $remote_user [$time_local] \"$request\" $status "
                         "$body_bytes_sent \"$http_referer\" \"$http_user_agent\"");
    for (LogPlace& place : config_.access_logs) {
        const auto format = log_formats_.find(place.format);
        place.text = format != log_formats_.end() ? format->second : "";
    }
}

void NginxConfigReader::take_return(const Directive& directive) {
    const int status = number_of(directive.words[1], 0);
    if (status >= 500 && status <= 599 && config_.returns.size() < kMaxFound) {
        config_.returns.push_back(ReturnPlace{status, blocks_.back().location, directive.where()});
    }
}

void NginxConfigReader::take_member(const Directive& directive) {
    if (members_ >= kMaxFound) {
        return;
    }
    const std::string_view target = directive.words[1];
    GroupMember member;
    member.where = directive.where();
    // Without a port it is 80, also when fastcgi_pass uses the group.
    const auto address = target.starts_with("unix:") ? unix_socket_address(target.substr(5))
                                                     : inet_address(target, 80);
    const auto host = address ? std::nullopt : named_host(target, 80);
    if (!address && !host) {
        skip("server " + directive.words[1], member.where);
        return;
    }
    member.address = address.value_or("");
    member.host = host.value_or("");
    for (std::size_t i = 2; i < directive.words.size(); ++i) {
        take_parameter(directive.words[i], member);
    }
    ++members_;
    config_.groups[blocks_.back().group].members.push_back(std::move(member));
}

void NginxConfigReader::take_pass(const Directive& directive) {
    const std::string shown = directive.words[0] + " " + directive.words[1];
    auto target = read_pass(directive.words[0], directive.words[1]);
    if (!target || passes_.size() >= kMaxFound) {
        skip(shown, directive.where());
        return;
    }
    Pass pass;
    pass.target = std::move(*target);
    pass.shown = shown;
    pass.where = directive.where();
    pass.location = blocks_.back().location;
    pass.server = blocks_.back().server;
    pass.scope = current_scope();
    passes_.push_back(std::move(pass));
}

std::size_t NginxConfigReader::add_place(const Pass& pass) {
    PassPlace place;
    place.where = pass.where;
    place.location = pass.location;
    if (pass.server != kNone) {
        place.server_names = servers_[pass.server].names;
        place.listens = servers_[pass.server].listens;
    }
    place.settings = scopes_.effective(pass.scope, pass.target.prefix);
    config_.places.push_back(std::move(place));
    return config_.places.size() - 1;
}

void NginxConfigReader::add_backend(ConfiguredBackend backend, std::size_t place) {
    const bool is_named = backend.address.empty();
    auto& list = is_named ? config_.names : config_.backends;
    auto& known = is_named ? known_names_ : known_backends_;
    const BackendKey key{is_named ? backend.host : backend.address, backend.scheme};
    const auto [found, is_new] = known.try_emplace(key, list.size());
    if (is_new && list.size() >= kMaxFound) {
        known.erase(found);
        return;
    }
    if (is_new) {
        backend.is_remote = is_named || !is_local_address(backend.address);
        list.push_back(std::move(backend));
    }
    std::vector<std::size_t>& places = list[found->second].places;
    if (places.size() < kMaxPlacesPerBackend) {
        places.push_back(place);
    }
}

void NginxConfigReader::resolve_group(const Pass& pass, std::size_t index) {
    if (++group_uses_[{index, pass.target.scheme}] > kMaxPlacesPerBackend) {
        return;
    }
    const UpstreamGroup& group = config_.groups[index];
    const std::size_t place = add_place(pass);
    for (const GroupMember& member : group.members) {
        if (!member.is_down) {
            add_backend(
                ConfiguredBackend{
                    pass.target.scheme, member.address, pass.where, group.name, member.host},
                place);
        }
    }
}

void NginxConfigReader::resolve(const Pass& pass) {
    const std::string& target = pass.target.target;
    if (const auto group = groups_.find(lower_case(target)); group != groups_.end()) {
        resolve_group(pass, group->second);
        return;
    }
    const bool is_unix = target.starts_with("unix:");
    const auto address = is_unix ? unix_socket_address(std::string_view(target).substr(5))
                                 : inet_address(target, pass.target.default_port);
    const auto host =
        address || is_unix ? std::nullopt : named_host(target, pass.target.default_port);
    if (!address && !host) {
        skip(pass.shown, pass.where);
        return;
    }
    add_backend(
        ConfiguredBackend{
            pass.target.scheme, address.value_or(""), pass.where, "", host.value_or("")},
        add_place(pass));
}

}  // namespace gatemend::parse
