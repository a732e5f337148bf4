// SPDX-License-Identifier: MIT
// One reading of a dumped nginx configuration, from the main file along its includes. Used by
// parse_nginx_dump only; nginx_config_blocks.cpp walks files and blocks, this class's other half in
// nginx_config_reader.cpp takes the directives. Never reads more than its budget.
#pragma once

#include "core/config_lexer.hpp"
#include "parse/nginx_config.hpp"
#include "parse/nginx_dump.hpp"
#include "parse/nginx_pass.hpp"
#include "parse/nginx_settings.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatemend::parse {

enum class BlockKind {
    kMain,
    kEvents,
    kHttp,
    kServer,
    kLocation,  // anything inside http{} that may hold a *_pass
    kUpstream,
    kForeign,  // stream{}, mail{}: other protocols, but their error logs count
    kData,     // map, types …: the body is no directives
};

// Bytes that readings of one dump may still read.
struct ReadBudget {
    std::size_t bytes = 0;
    // Of them for files that were read before in such a block. They say nothing new, except where
    // they are in effect.
    std::size_t repeats = 0;
};

class NginxConfigReader {
  public:
    NginxConfigReader(NginxDump& dump, ReadBudget& budget);

    void read();

    [[nodiscard]] const std::vector<bool>& is_reached() const { return is_reached_; }

    [[nodiscard]] NginxConfig take() { return std::move(config_); }

  private:
    static constexpr std::size_t kNone = ~std::size_t{0};

    struct OpenBlock {
        BlockKind kind = BlockKind::kMain;
        std::size_t group = kNone;   // index into config_.groups
        std::size_t server = kNone;  // index into servers_
        std::string location;
        SettingScopes::Scope scope = SettingScopes::kNoScope;
        bool has_listen = false;
    };

    struct Directive {
        [[nodiscard]] std::string where() const {
            return std::string(file) + ":" + std::to_string(line);
        }

        // Of the words behind the name.
        [[nodiscard]] std::string joined() const;

        std::vector<std::string> words;
        std::string_view file;
        int line = 0;
    };

    struct ServerBlock {
        std::vector<std::string> names;
        std::vector<std::string> listens;
    };

    struct Pass {
        PassTarget target;
        std::string shown;  // "fastcgi_pass 127.0.0.1:9000"
        std::string where;
        std::string location;
        std::size_t server = kNone;
        SettingScopes::Scope scope = SettingScopes::kNoScope;
    };

    // files and blocks
    void read_file(std::size_t index, std::size_t depth);
    bool open_block(core::ConfigLexer& lexer, const Directive& directive);
    [[nodiscard]] BlockKind kind_of(const Directive& directive) const;
    void open_upstream(const Directive& directive, OpenBlock& block);
    void open_server(OpenBlock& block);
    void close_block();
    void take_include(const Directive& directive, std::size_t depth);
    [[nodiscard]] bool may_read_again(std::size_t index);
    SettingScopes::Scope current_scope();

    // directives
    void take_directive(const Directive& directive, std::size_t depth);
    void take_main(const Directive& directive);
    void take_http(const Directive& directive);
    void take_upstream(const Directive& directive);
    void take_listen(const Directive& directive);
    void take_server_name(const Directive& directive);
    void take_error_log(const Directive& directive);
    void take_access_log(const Directive& directive);
    void take_log_format(const Directive& directive);
    void take_return(const Directive& directive);
    void take_member(const Directive& directive);
    void take_pass(const Directive& directive);
    void take_setting(const Directive& directive);
    void add_listen(const std::string& address);
    void skip(const std::string& what, const std::string& where);

    // when all is read
    void resolve(const Pass& pass);
    void resolve_group(const Pass& pass, std::size_t index);
    [[nodiscard]] std::size_t add_place(const Pass& pass);
    void add_backend(ConfiguredBackend backend, std::size_t place);
    void name_log_formats();

    NginxDump& dump_;
    ReadBudget& budget_;
    std::vector<bool> is_reached_;
    std::vector<bool> is_open_;
    // Files read so far, by the blocks they were included in, and whether they brought a `listen`.
    using Place = std::pair<BlockKind, std::size_t>;
    std::map<std::pair<std::size_t, Place>, bool> listens_in_;
    std::string_view folder_;
    std::vector<OpenBlock> blocks_;
    std::vector<ServerBlock> servers_;
    std::vector<Pass> passes_;
    SettingScopes scopes_;
    std::map<std::string, std::size_t> groups_;  // by name, into config_.groups
    std::size_t members_ = 0;
    std::map<std::string, std::string> log_formats_;
    using BackendKey = std::pair<std::string, core::Scheme>;
    std::map<BackendKey, std::size_t> known_backends_;  // into config_.backends
    std::map<BackendKey, std::size_t> known_names_;     // into config_.names
    std::map<std::pair<std::size_t, core::Scheme>, std::size_t> group_uses_;
    std::set<std::string> known_listens_;
    std::set<std::string> known_skips_;
    NginxConfig config_;
};

}  // namespace gatemend::parse
