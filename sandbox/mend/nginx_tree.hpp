// SPDX-License-Identifier: MIT
// nginx's configuration as nginx reads it, from its main file along the includes: every directive
// with its position in its file and the block it is in, so that it can be changed there. Nothing is
// interpreted here; nginx_places does.
#pragma once

#include "core/config_lexer.hpp"
#include "core/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::mend {

inline constexpr std::size_t kMaxConfigFiles = 2000;
inline constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20U;
inline constexpr std::size_t kMaxConfigDirectives = 200'000;
inline constexpr std::size_t kMaxIncludeDepth = 16;

// `name words;`, `name words {` or `}`.
struct Statement {
    core::TokenKind kind{};  // what ends it: kSemicolon, kOpen, kClose
    std::vector<core::Token> words;
    std::size_t end = 0;  // behind what ends it
    int line = 1;         // of its first word

    [[nodiscard]] std::string_view name() const {
        return words.empty() ? std::string_view{} : std::string_view{words[0].word};
    }
};

[[nodiscard]] core::Result<std::vector<Statement>> read_statements(std::string_view text);

struct ConfigFile {
    std::string path;
    std::string text;
};

// The files that a pattern of `include` means, in nginx's order. What is not to be read is left out
// and told as a note.
class ConfigSource {
  public:
    virtual ~ConfigSource();
    [[nodiscard]] virtual std::vector<ConfigFile> find(const std::string& pattern) = 0;
    [[nodiscard]] virtual const std::vector<std::string>& notes() const = 0;

  protected:
    ConfigSource() = default;
};

struct NginxBlock {
    std::string name;      // "" for the main level
    std::string argument;  // the first: the name of an upstream
    std::size_t parent = 0;
    bool is_data = false;  // map, types, ...: its body is no directives
};

// A file that is included in two blocks has its directives twice.
struct NginxDirective {
    std::size_t file = 0;
    std::size_t statement = 0;
    std::size_t block = 0;
    bool opens = false;
    std::size_t opened = 0;  // the block, where it opens one
};

struct NginxFile {
    ConfigFile source;
    std::vector<Statement> statements;
};

struct NginxTree {
    std::vector<NginxFile> files;    // the first is the main file
    std::vector<NginxBlock> blocks;  // the first is the main level
    std::vector<NginxDirective> directives;
    std::vector<std::string> notes;

    [[nodiscard]] const Statement& statement(const NginxDirective& directive) const {
        return files[directive.file].statements[directive.statement];
    }

    [[nodiscard]] std::string where(const NginxDirective& directive) const;
};

[[nodiscard]] core::Result<NginxTree> read_nginx(ConfigSource& source,
                                                 const std::string& main_file);

}  // namespace gatemend::mend
