// SPDX-License-Identifier: MIT
#include "sandbox/mend/nginx_tree.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

namespace gatemend::mend {
namespace {

using core::ConfigLexer;
using core::Done;
using core::Error;
using core::Result;
using core::Status;
using core::TokenKind;

constexpr std::size_t kMaxBlockDepth = 256;

constexpr auto kDataBlocks = std::to_array<std::string_view>(
    {"map", "types", "geo", "split_clients", "charset_map", "match"});

class Reader {
  public:
    Reader(ConfigSource& source, const std::string& main_file)
        : source_(source),
          folder_(main_file.substr(0, main_file.rfind('/') + 1)) {
        tree_.blocks.push_back(NginxBlock{});
    }

    Result<NginxTree> read(const std::string& main_file) {
        GATEMEND_CHECK(include(main_file, 0, 0));
        if (tree_.files.empty()) {
            const auto& notes = source_.notes();
            return Error{notes.empty() ? main_file + ": there is no such file" : notes.front()};
        }
        tree_.notes = source_.notes();
        return std::move(tree_);
    }

  private:
    Status include(const std::string& pattern, std::size_t block, std::size_t depth);
    Status add_file(ConfigFile file);
    Status walk(std::size_t file, std::size_t block, std::size_t depth);
    Result<std::size_t> open_block(const Statement& statement, std::size_t parent);

    ConfigSource& source_;
    std::string folder_;
    NginxTree tree_;
    std::map<std::string, std::vector<std::size_t>> matches_;  // by pattern, into tree_.files
    std::map<std::string, std::size_t> by_path_;
    std::vector<std::size_t> open_;  // files we are in
    std::size_t bytes_ = 0;
};

Status Reader::add_file(ConfigFile file) {
    bytes_ += file.text.size();
    if (tree_.files.size() >= kMaxConfigFiles || bytes_ > kMaxConfigBytes) {
        return Error{"the configuration is larger than gatemend reads"};
    }
    auto statements = read_statements(file.text);
    if (!statements) {
        return statements.error().within(file.path);
    }
    tree_.files.push_back(NginxFile{std::move(file), std::move(*statements)});
    return Done{};
}

Status Reader::include(const std::string& pattern, std::size_t block, std::size_t depth) {
    if (depth > kMaxIncludeDepth) {
        return Error{pattern + ": includes are nested too deep"};
    }
    const auto [known, is_new] = matches_.try_emplace(pattern);
    if (is_new) {
        for (ConfigFile& file : source_.find(pattern)) {
            const auto [at, is_unread] = by_path_.try_emplace(file.path, tree_.files.size());
            if (is_unread) {
                GATEMEND_CHECK(add_file(std::move(file)));
            }
            known->second.push_back(at->second);
        }
    }
    const std::vector<std::size_t> files = known->second;
    for (const std::size_t file : files) {
        if (std::ranges::find(open_, file) == open_.end()) {  // else it includes itself
            GATEMEND_CHECK(walk(file, block, depth));
        }
    }
    return Done{};
}

Result<std::size_t> Reader::open_block(const Statement& statement, std::size_t parent) {
    NginxBlock block;
    block.name = statement.name();
    block.argument = statement.words.size() > 1 ? statement.words[1].word : "";
    block.parent = parent;
    block.is_data = tree_.blocks[parent].is_data ||
                    std::ranges::find(kDataBlocks, block.name) != kDataBlocks.end() ||
                    block.name.ends_with("_by_lua_block");
    tree_.blocks.push_back(std::move(block));
    return tree_.blocks.size() - 1;
}

Status Reader::walk(std::size_t file, std::size_t block, std::size_t depth) {
    open_.push_back(file);
    std::vector<std::size_t> blocks{block};
    for (std::size_t i = 0; i < tree_.files[file].statements.size(); ++i) {
        if (tree_.directives.size() >= kMaxConfigDirectives || blocks.size() > kMaxBlockDepth) {
            return Error{tree_.files[file].source.path + ": too much to read"};
        }
        // No reference into tree_: an include makes it grow.
        const Statement statement = tree_.files[file].statements[i];
        if (statement.kind == TokenKind::kClose) {
            if (blocks.size() == 1) {
                return Error{tree_.files[file].source.path + ": a } too many in line " +
                             std::to_string(statement.line)};
            }
            blocks.pop_back();
            continue;
        }
        NginxDirective directive{file, i, blocks.back()};
        if (statement.kind == TokenKind::kOpen) {
            GATEMEND_TRY(opened, open_block(statement, blocks.back()));
            directive.opens = true;
            directive.opened = opened;
            blocks.push_back(opened);
        }
        tree_.directives.push_back(directive);
        if (!directive.opens && statement.name() == "include" && statement.words.size() == 2) {
            const std::string& given = statement.words[1].word;
            GATEMEND_CHECK(include(
                given.starts_with('/') ? given : folder_ + given, blocks.back(), depth + 1));
        }
    }
    if (blocks.size() > 1) {
        return Error{tree_.files[file].source.path + ": a block is not closed"};
    }
    open_.pop_back();
    return Done{};
}

}  // namespace

ConfigSource::~ConfigSource() = default;

std::string NginxTree::where(const NginxDirective& directive) const {
    return files[directive.file].source.path + ":" + std::to_string(statement(directive).line);
}

Result<std::vector<Statement>> read_statements(std::string_view text) {
    ConfigLexer lexer(text);
    std::vector<Statement> statements;
    Statement current;
    while (true) {
        core::Token token = lexer.next();
        if (current.words.empty()) {
            current.line = lexer.line();
        }
        switch (token.kind) {
            case TokenKind::kWord:
                current.words.push_back(std::move(token));
                continue;
            case TokenKind::kBroken:
                return Error{"line " + std::to_string(lexer.line()) + " is not understood"};
            case TokenKind::kEnd:
                if (!current.words.empty()) {
                    return Error{"line " + std::to_string(current.line) + " has no end"};
                }
                return statements;
            case TokenKind::kSemicolon:
            case TokenKind::kOpen:
            case TokenKind::kClose:
                break;
        }
        if (token.kind == TokenKind::kClose && !current.words.empty()) {
            return Error{"line " + std::to_string(current.line) + ": no ; before the }"};
        }
        current.kind = token.kind;
        current.end = token.end;
        const bool is_lua =
            token.kind == TokenKind::kOpen && current.name().ends_with("_by_lua_block");
        statements.push_back(std::exchange(current, Statement{}));
        if (is_lua) {
            if (!lexer.skip_lua()) {
                return Error{"line " + std::to_string(lexer.line()) + ": Lua without an end"};
            }
            statements.push_back(Statement{TokenKind::kClose, {}, lexer.position(), lexer.line()});
        }
    }
}

Result<NginxTree> read_nginx(ConfigSource& source, const std::string& main_file) {
    return Reader(source, main_file).read(main_file);
}

}  // namespace gatemend::mend
