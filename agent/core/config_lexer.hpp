// SPDX-License-Identifier: MIT
// nginx's configuration grammar as tokens: words, `;`, `{`, `}`. Quotes, escapes, comments and
// `${name}` as nginx reads them; bodies of `*_by_lua_block` are skipped by Lua's rules. Used by
// parse_nginx_dump and by gatemend-mend, which edits at the tokens' positions. Linear time, any
// input; never looks outside the text it was given.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gatemend::core {

enum class TokenKind { kWord, kSemicolon, kOpen, kClose, kEnd, kBroken };

struct Token {
    TokenKind kind = TokenKind::kEnd;
    std::string word{};
    std::size_t begin = 0;  // of the text, with quotes
    std::size_t end = 0;    // behind its last byte
};

class ConfigLexer {
  public:
    explicit ConfigLexer(std::string_view text) : text_(text) {}

    // kBroken: an unterminated quote, or something right behind a closing quote.
    [[nodiscard]] Token next();

    // Behind the `{` of a Lua block: to behind its `}`. False when it never ends.
    [[nodiscard]] bool skip_lua();

    [[nodiscard]] int line() const { return line_; }

    [[nodiscard]] std::size_t position() const { return at_; }

  private:
    [[nodiscard]] bool is_at_end() const { return at_ >= text_.size(); }

    Token read_token();
    void advance();
    void skip_blanks();
    void skip_line();
    Token read_quoted(char quote);
    Token read_word();
    void append_escaped(std::string& word);
    void skip_lua_string(char quote);
    bool skip_lua_long_bracket();

    std::string_view text_;
    std::size_t at_ = 0;
    int line_ = 1;
};

}  // namespace gatemend::core
