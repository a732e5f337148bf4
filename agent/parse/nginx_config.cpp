// SPDX-License-Identifier: MIT
#include "parse/nginx_config.hpp"

#include "core/text.hpp"
#include "parse/address.hpp"
#include "parse/config_lexer.hpp"
#include "parse/nginx_dump.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace gatemend::parse {
namespace {

constexpr std::size_t kMaxDumpBytes = std::size_t{8} * 1024 * 1024;
// Files are read again in other groups: in all so many times the dump, and a little.
constexpr std::size_t kReadsPerByte = 8;
constexpr std::size_t kSpareReadBytes = std::size_t{1} * 1024 * 1024;
constexpr std::size_t kFileCost = 1024;   // of an include, beside its bytes
constexpr std::size_t kIncludeCost = 16;  // of one that is known
constexpr std::size_t kMaxIncludeDepth = 16;
constexpr std::size_t kMaxBlockDepth = 256;
constexpr std::size_t kMaxWords = 64;  // of one directive; longer ones are data
constexpr std::size_t kMaxFound = 4096;
constexpr std::size_t kMaxSkipped = 256;
constexpr int kMaxRounds = 16;

enum class Block {
    kMain,
    kHttp,
    kServer,
    kLocation,  // anything inside http{} that may hold a *_pass
    kUpstream,
    kForeign,  // stream{}, mail{}: other protocols, but their error logs count
    kData,     // map, types …: the body is no directives
};

struct OpenBlock {
    Block block = Block::kMain;
    std::string group;
    bool has_listen = false;
};

struct Scheme {
    std::string_view prefix;
    PassScheme scheme;
    int default_port;
};

struct PassDirective {
    std::string_view name;
    std::array<Scheme, 3> schemes;  // tried in order; an empty prefix always fits
};

constexpr Scheme kNoScheme{"-", PassScheme::kHttp, 0};
constexpr std::array<PassDirective, 6> kPassDirectives{{
    {"fastcgi_pass", {{{"", PassScheme::kFastcgi, 0}, kNoScheme, kNoScheme}}},
    {"proxy_pass",
     {{{"http://", PassScheme::kHttp, 80}, {"https://", PassScheme::kHttps, 443}, kNoScheme}}},
    {"uwsgi_pass",
     {{{"uwsgi://", PassScheme::kUwsgi, 0},
       {"suwsgi://", PassScheme::kUwsgi, 0},
       {"", PassScheme::kUwsgi, 0}}}},
    {"scgi_pass", {{{"", PassScheme::kScgi, 0}, kNoScheme, kNoScheme}}},
    {"grpc_pass",
     {{{"grpc://", PassScheme::kGrpc, 0},
       {"grpcs://", PassScheme::kGrpc, 0},
       {"", PassScheme::kGrpc, 0}}}},
    {"memcached_pass", {{{"", PassScheme::kMemcached, 0}, kNoScheme, kNoScheme}}},
}};

constexpr std::array<std::string_view, 6> kDataBlocks{
    "map", "types", "geo", "split_clients", "charset_map", "match"};

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return result;
}

struct Directive {
    [[nodiscard]] std::string where() const {
        return std::string(file) + ":" + std::to_string(line);
    }

    std::vector<std::string> words;
    std::string_view file;
    int line = 0;
};

struct Pass {
    Scheme scheme;
    std::string target;  // without scheme and URI
    std::string directive;
    std::string where;
};

struct Server {
    std::optional<std::string> address;
    std::string words;
    std::string where;
};

// One reading of the files, from the main one along the includes.
class ConfigReader {
  public:
    // `budget`: bytes this and later readings of the same dump may still read.
    ConfigReader(NginxDump& dump, std::size_t& budget)
        : dump_(dump),
          is_reached_(dump.files().size()),
          budget_(budget) {
        blocks_.push_back(OpenBlock{});
        const std::string_view main_file = dump.files()[0].name;
        folder_ = main_file.substr(0, main_file.rfind('/') + 1);
    }

    void read() {
        read_file(0, 0);
        for (const Pass& pass : passes_) {
            resolve(pass);
        }
    }

    [[nodiscard]] const std::vector<bool>& is_reached() const { return is_reached_; }

    NginxConfig take() { return std::move(config_); }

  private:
    void read_file(std::size_t index, std::size_t depth);
    bool open_block(ConfigLexer& lexer, const Directive& directive);
    void close_block();
    void take_directive(const Directive& directive, std::size_t depth);
    void take_include(const Directive& directive, std::size_t depth);
    void take_listen(const Directive& directive);
    void take_error_log(const Directive& directive);
    void take_server(const Directive& directive);
    void take_pass(const PassDirective& kind, const Directive& directive);
    void resolve(const Pass& pass);
    void add_backend(const Pass& pass, const std::string& address, const std::string& group);
    void add_listen(const std::string& address);
    void skip(const std::string& what, const std::string& where);

    NginxDump& dump_;
    std::vector<bool> is_reached_;
    std::size_t& budget_;
    // Files read so far, by where they were included, and whether they brought a `listen`.
    using Place = std::pair<Block, std::string>;
    std::map<std::pair<std::size_t, Place>, bool> listens_in_;
    std::string_view folder_;
    std::vector<OpenBlock> blocks_;
    std::vector<Pass> passes_;
    std::map<std::string, std::vector<Server>> groups_;
    std::set<std::pair<std::string, PassScheme>> resolved_groups_;
    std::set<std::pair<std::string, PassScheme>> known_backends_;
    std::set<std::string> known_listens_;
    NginxConfig config_;
};

void ConfigReader::skip(const std::string& what, const std::string& where) {
    if (config_.skipped.size() < kMaxSkipped) {
        config_.skipped.push_back(core::sanitize(what + " at " + where));
    }
}

void ConfigReader::read_file(std::size_t index, std::size_t depth) {
    const DumpedFile file = dump_.files()[index];
    is_reached_[index] = true;
    if (budget_ < file.text.size() + kFileCost) {
        skip("the rest (too many includes)", std::string(file.name));
        budget_ = 0;
        return;
    }
    budget_ -= file.text.size() + kFileCost;
    const std::size_t outside = blocks_.size();
    ConfigLexer lexer(file.text);
    Directive directive{{}, file.name, 1};
    while (true) {
        Token token = lexer.next();
        if (directive.words.empty()) {
            directive.line = lexer.line();
        }
        if (token.kind == TokenKind::kWord) {
            if (directive.words.size() < kMaxWords) {
                directive.words.push_back(std::move(token.word));
            }
            continue;
        }
        bool is_broken = token.kind == TokenKind::kBroken;
        if (token.kind == TokenKind::kSemicolon) {
            take_directive(directive, depth);
        } else if (token.kind == TokenKind::kOpen) {
            is_broken = !open_block(lexer, directive);
        } else if (token.kind == TokenKind::kClose && blocks_.size() > outside) {
            close_block();
        }
        if (token.kind == TokenKind::kEnd || is_broken) {
            if (is_broken || blocks_.size() > outside || !directive.words.empty()) {
                skip("the rest (not understood)", directive.where());
            }
            break;
        }
        directive.words.clear();
    }
    blocks_.resize(std::min(blocks_.size(), outside));
}

// False: what follows cannot be read.
bool ConfigReader::open_block(ConfigLexer& lexer, const Directive& directive) {
    const std::string name = directive.words.empty() ? "" : directive.words[0];
    if (name.ends_with("_by_lua_block")) {
        return lexer.skip_lua();
    }
    if (blocks_.size() >= kMaxBlockDepth) {
        return false;
    }
    const Block outer = blocks_.back().block;
    OpenBlock block;
    block.block = outer == Block::kMain ? Block::kForeign : outer;
    if (outer == Block::kMain && name == "http") {
        block.block = Block::kHttp;
    } else if (outer == Block::kData || std::ranges::count(kDataBlocks, name) > 0) {
        block.block = Block::kData;
    } else if (outer == Block::kHttp && name == "upstream" && directive.words.size() > 1) {
        block.block = Block::kUpstream;
        block.group = lower(directive.words[1]);
        groups_.try_emplace(block.group);
    } else if (outer == Block::kHttp && name == "server") {
        block.block = Block::kServer;
    } else if (outer == Block::kHttp || outer == Block::kServer) {
        block.block = Block::kLocation;
    }
    blocks_.push_back(std::move(block));
    return true;
}

void ConfigReader::close_block() {
    if (blocks_.back().block == Block::kServer && !blocks_.back().has_listen) {
        add_listen("127.0.0.1:80");  // nginx's default, as root
    }
    blocks_.pop_back();
}

void ConfigReader::take_directive(const Directive& directive, std::size_t depth) {
    const Block block = blocks_.back().block;
    if (directive.words.size() < 2) {
        return;
    }
    const std::string& name = directive.words[0];
    if (name == "include") {
        take_include(directive, depth);
    } else if (block == Block::kData) {
        return;
    } else if (name == "error_log") {
        take_error_log(directive);
    } else if (name == "user" && block == Block::kMain) {
        config_.user = directive.words[1];
    } else if (name == "listen" && block == Block::kServer) {
        take_listen(directive);
    } else if (name == "server" && block == Block::kUpstream) {
        take_server(directive);
    } else if (block == Block::kLocation || block == Block::kServer) {
        for (const PassDirective& kind : kPassDirectives) {
            if (name == kind.name) {
                take_pass(kind, directive);
            }
        }
    }
}

void ConfigReader::take_include(const Directive& directive, std::size_t depth) {
    const std::string& given = directive.words[1];
    const std::string pattern = given.starts_with('/') ? given : std::string(folder_) + given;
    if (depth >= kMaxIncludeDepth) {
        skip("include " + given + " (nested too deeply)", directive.where());
        return;
    }
    // Reading a file a second time in the same place of the grammar would find the same again.
    const Place place{blocks_.back().block, blocks_.back().group};
    for (const std::size_t index : dump_.find(pattern)) {
        budget_ -= std::min(budget_, kIncludeCost);
        const auto [known, is_new] = listens_in_.try_emplace({index, place}, false);
        if (is_new && budget_ > 0) {
            const bool had_listen = std::exchange(blocks_.back().has_listen, false);
            read_file(index, depth + 1);
            known->second = blocks_.back().has_listen;
            blocks_.back().has_listen = had_listen;
        }
        blocks_.back().has_listen = blocks_.back().has_listen || known->second;
    }
}

void ConfigReader::take_listen(const Directive& directive) {
    blocks_.back().has_listen = true;
    const std::vector<std::string>& words = directive.words;
    const bool is_udp = std::ranges::count(words, "quic") > 0;
    std::string_view text = words[1];
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

void ConfigReader::add_listen(const std::string& address) {
    if (known_listens_.size() < kMaxFound && known_listens_.insert(address).second) {
        config_.listens.push_back(address);
    }
}

void ConfigReader::take_error_log(const Directive& directive) {
    const std::string& target = directive.words[1];
    if (target == "stderr" || target.starts_with("syslog:") || target.starts_with("memory:") ||
        target.starts_with("/dev/")) {
        return;
    }
    // Relative to a prefix that was compiled in; `off` is such a file, too.
    if (!target.starts_with('/')) {
        skip("error_log " + target + " (relative)", directive.where());
        return;
    }
    if (config_.error_logs.size() < kMaxSkipped &&
        std::ranges::count(config_.error_logs, target) == 0) {
        config_.error_logs.push_back(target);
    }
}

void ConfigReader::take_server(const Directive& directive) {
    const std::vector<std::string>& words = directive.words;
    if (std::ranges::count(words, "down") > 0) {
        return;
    }
    const std::string_view target = words[1];
    Server server{std::nullopt, words[1], directive.where()};
    // Without a port it is 80, also when fastcgi_pass uses the group.
    server.address = target.starts_with("unix:") ? unix_socket_address(target.substr(5))
                                                 : inet_address(target, 80);
    groups_[blocks_.back().group].push_back(std::move(server));
}

void ConfigReader::take_pass(const PassDirective& kind, const Directive& directive) {
    const std::string& argument = directive.words[1];
    const std::string shown = directive.words[0] + " " + argument;
    if (argument.find('$') != std::string::npos) {
        skip(shown, directive.where());
        return;
    }
    const std::string folded = lower(argument);
    const auto* scheme = std::ranges::find_if(
        kind.schemes, [&](const Scheme& item) { return folded.starts_with(item.prefix); });
    if (scheme == kind.schemes.end() || passes_.size() >= kMaxFound) {
        skip(shown, directive.where());
        return;
    }
    std::string target = argument.substr(scheme->prefix.size());
    if (kind.name == "proxy_pass") {
        const bool is_unix = target.starts_with("unix:");
        target.resize(
            std::min(is_unix ? target.find(':', 5) : target.find_first_of("/?"), target.size()));
    }
    passes_.push_back(Pass{*scheme, std::move(target), shown, directive.where()});
}

void ConfigReader::add_backend(const Pass& pass,
                               const std::string& address,
                               const std::string& group) {
    const PassScheme scheme = pass.scheme.scheme;
    if (known_backends_.size() < kMaxFound && known_backends_.emplace(address, scheme).second) {
        config_.backends.push_back(ConfiguredBackend{scheme, address, pass.where, group});
    }
}

void ConfigReader::resolve(const Pass& pass) {
    const std::string group = lower(pass.target);
    if (const auto servers = groups_.find(group); servers != groups_.end()) {
        if (!resolved_groups_.emplace(group, pass.scheme.scheme).second) {
            return;
        }
        for (const Server& server : servers->second) {
            if (server.address) {
                add_backend(pass, *server.address, group);
            } else {
                skip("server " + server.words, server.where);
            }
        }
        return;
    }
    const bool is_unix = pass.target.starts_with("unix:");
    const auto address = is_unix ? unix_socket_address(std::string_view(pass.target).substr(5))
                                 : inet_address(pass.target, pass.scheme.default_port);
    if (address) {
        add_backend(pass, *address, "");
    } else {
        skip(pass.directive, pass.where);
    }
}

}  // namespace

core::Result<NginxConfig> parse_nginx_dump(std::string_view dump_text) {
    if (dump_text.size() > kMaxDumpBytes) {
        return core::Error{"output of nginx -T: larger than 8 MiB"};
    }
    NginxDump dump(dump_text);
    if (dump.files().empty()) {
        return core::Error{"output of nginx -T: it does not begin with a configuration file"};
    }
    std::size_t budget = kReadsPerByte * dump_text.size() + kSpareReadBytes;
    for (int round = 1;; ++round) {
        ConfigReader reader(dump, budget);
        reader.read();
        if (round == kMaxRounds || !dump.join_first_unreached(reader.is_reached())) {
            return reader.take();
        }
    }
}

}  // namespace gatemend::parse
