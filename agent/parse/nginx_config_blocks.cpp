// SPDX-License-Identifier: MIT
#include "parse/nginx_config_reader.hpp"

#include <algorithm>
#include <array>

namespace gatemend::parse {
namespace {

using core::ConfigLexer;
using core::Token;
using core::TokenKind;

constexpr std::size_t kFileCost = 256;    // of an include, beside its bytes
constexpr std::size_t kIncludeCost = 16;  // of one that is known
constexpr std::size_t kMaxIncludeDepth = 16;
constexpr std::size_t kMaxBlockDepth = 256;
constexpr std::size_t kMaxWords = 64;  // of one directive; longer ones are data
constexpr std::size_t kMaxServers = std::size_t{16} * 1024;
constexpr std::size_t kMaxGroups = 4096;
constexpr std::size_t kMaxLocationBytes = 256;

constexpr auto kDataBlocks = std::to_array<std::string_view>(
    {"map", "types", "geo", "split_clients", "charset_map", "match"});

}  // namespace

std::string NginxConfigReader::Directive::joined() const {
    std::string text;
    for (std::size_t i = 1; i < words.size(); ++i) {
        text += (i == 1 ? "" : " ") + words[i];
    }
    return text;
}

NginxConfigReader::NginxConfigReader(NginxDump& dump, ReadBudget& budget)
    : dump_(dump),
      budget_(budget),
      is_reached_(dump.files().size()),
      is_open_(dump.files().size()) {
    blocks_.push_back(OpenBlock{});
    const std::string_view main_file = dump.files()[0].name;
    folder_ = main_file.substr(0, main_file.rfind('/') + 1);
}

void NginxConfigReader::read_file(std::size_t index, std::size_t depth) {
    const DumpedFile file = dump_.files()[index];
    is_reached_[index] = true;
    if (budget_.bytes < file.text.size() + kFileCost) {
        skip("the rest (too many includes)", std::string(file.name));
        budget_.bytes = 0;
        return;
    }
    budget_.bytes -= file.text.size() + kFileCost;
    is_open_[index] = true;
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
    is_open_[index] = false;
}

BlockKind NginxConfigReader::kind_of(const Directive& directive) const {
    const BlockKind outer = blocks_.back().kind;
    const std::string name = directive.words.empty() ? "" : directive.words[0];
    if (outer == BlockKind::kData || std::ranges::count(kDataBlocks, name) > 0) {
        return BlockKind::kData;
    }
    if (outer == BlockKind::kMain) {
        if (name == "events") {
            return BlockKind::kEvents;
        }
        return name == "http" ? BlockKind::kHttp : BlockKind::kForeign;
    }
    if (outer == BlockKind::kHttp) {
        if (name == "upstream" && directive.words.size() > 1) {
            return BlockKind::kUpstream;
        }
        return name == "server" ? BlockKind::kServer : BlockKind::kLocation;
    }
    return outer == BlockKind::kServer ? BlockKind::kLocation : outer;
}

// False: what follows cannot be read.
bool NginxConfigReader::open_block(ConfigLexer& lexer, const Directive& directive) {
    if (!directive.words.empty() && directive.words[0].ends_with("_by_lua_block")) {
        return lexer.skip_lua();
    }
    if (blocks_.size() >= kMaxBlockDepth) {
        return false;
    }
    OpenBlock block;
    block.kind = kind_of(directive);
    block.group = blocks_.back().group;
    block.server = blocks_.back().server;
    block.location = blocks_.back().location;
    if (block.kind == BlockKind::kUpstream && blocks_.back().kind == BlockKind::kHttp) {
        open_upstream(directive, block);
    } else if (block.kind == BlockKind::kServer) {
        open_server(block);
    } else if (!directive.words.empty() && directive.words[0] == "location") {
        block.location = directive.joined().substr(0, kMaxLocationBytes);
    }
    blocks_.push_back(std::move(block));
    return true;
}

void NginxConfigReader::open_upstream(const Directive& directive, OpenBlock& block) {
    const std::string name = lower_case(directive.words[1]);
    // nginx refuses a second group of a name: this is the same block, read again.
    if (config_.groups.size() >= kMaxGroups ||
        !groups_.emplace(name, config_.groups.size()).second) {
        block.kind = BlockKind::kData;
        return;
    }
    block.group = config_.groups.size();
    config_.groups.push_back(UpstreamGroup{name, directive.where(), "", {}});
}

void NginxConfigReader::open_server(OpenBlock& block) {
    block.server = kNone;
    if (servers_.size() < kMaxServers) {
        block.server = servers_.size();
        servers_.push_back(ServerBlock{});
    }
}

void NginxConfigReader::close_block() {
    if (blocks_.back().kind == BlockKind::kServer && !blocks_.back().has_listen) {
        add_listen("127.0.0.1:80");  // nginx's default, as root
    }
    blocks_.pop_back();
}

// Blocks that set nothing need no scope; one that does needs those around it as well.
SettingScopes::Scope NginxConfigReader::current_scope() {
    SettingScopes::Scope outer = SettingScopes::kNoScope;
    for (OpenBlock& block : blocks_) {
        if (block.scope == SettingScopes::kNoScope) {
            block.scope = scopes_.open(outer);
        }
        outer = block.scope;
    }
    return outer;
}

// The same file in another block may be in effect for other servers, so it is read again while
// there is enough of the budget; without that it would find the same backends once more.
bool NginxConfigReader::may_read_again(std::size_t index) {
    const std::size_t cost = dump_.files()[index].text.size() + kFileCost;
    if (budget_.repeats < cost) {
        budget_.repeats = 0;
        return false;
    }
    budget_.repeats -= cost;
    return true;
}

void NginxConfigReader::take_include(const Directive& directive, std::size_t depth) {
    const std::string& given = directive.words[1];
    const std::string pattern = given.starts_with('/') ? given : std::string(folder_) + given;
    if (depth >= kMaxIncludeDepth) {
        skip("include " + given + " (nested too deeply)", directive.where());
        return;
    }
    const Place place{blocks_.back().kind, blocks_.back().group};
    for (const std::size_t index : dump_.find(pattern)) {
        budget_.bytes -= std::min(budget_.bytes, kIncludeCost);
        if (is_open_[index]) {
            continue;  // it includes itself
        }
        const auto [known, is_new] = listens_in_.try_emplace({index, place}, false);
        if (budget_.bytes > 0 && (is_new || may_read_again(index))) {
            const bool had_listen = std::exchange(blocks_.back().has_listen, false);
            read_file(index, depth + 1);
            known->second = blocks_.back().has_listen;
            blocks_.back().has_listen = had_listen;
        }
        blocks_.back().has_listen = blocks_.back().has_listen || known->second;
    }
}

}  // namespace gatemend::parse
