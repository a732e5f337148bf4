// SPDX-License-Identifier: MIT
#include "core/config_lexer.hpp"

#include <utility>

namespace gatemend::core {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

void ConfigLexer::advance() {
    line_ += text_[at_] == '\n' ? 1 : 0;
    ++at_;
}

void ConfigLexer::skip_line() {
    while (!is_at_end() && text_[at_] != '\n') {
        ++at_;
    }
}

void ConfigLexer::skip_blanks() {
    while (!is_at_end()) {
        if (text_[at_] == '#') {
            skip_line();
        } else if (is_blank(text_[at_])) {
            advance();
        } else {
            return;
        }
    }
}

Token ConfigLexer::next() {
    skip_blanks();
    const std::size_t begin = at_;
    Token token = read_token();
    token.begin = begin;
    token.end = at_;
    return token;
}

Token ConfigLexer::read_token() {
    if (is_at_end()) {
        return Token{};
    }
    switch (text_[at_]) {
        case ';':
            ++at_;
            return Token{TokenKind::kSemicolon, {}};
        case '{':
            ++at_;
            return Token{TokenKind::kOpen, {}};
        case '}':
            ++at_;
            return Token{TokenKind::kClose, {}};
        case '"':
        case '\'':
            return read_quoted(text_[at_]);
        default:
            return read_word();
    }
}

// At a backslash. Only quotes and the backslash lose it, \t \r \n become what they name, and any
// other byte is hidden from the lexer but keeps its backslash.
void ConfigLexer::append_escaped(std::string& word) {
    ++at_;
    if (is_at_end()) {
        word += '\\';
        return;
    }
    const char c = text_[at_];
    switch (c) {
        case '"':
        case '\'':
        case '\\':
            word += c;
            break;
        case 't':
            word += '\t';
            break;
        case 'r':
            word += '\r';
            break;
        case 'n':
            word += '\n';
            break;
        default:
            word += '\\';
            word += c;
            break;
    }
    advance();
}

Token ConfigLexer::read_quoted(char quote) {
    Token token{TokenKind::kWord, {}};
    ++at_;
    while (!is_at_end() && text_[at_] != quote) {
        if (text_[at_] == '\\') {
            append_escaped(token.word);
        } else {
            token.word += text_[at_];
            advance();
        }
    }
    if (is_at_end()) {
        return Token{TokenKind::kBroken, {}};
    }
    ++at_;
    if (!is_at_end() && !is_blank(text_[at_]) && text_[at_] != ';' && text_[at_] != '{' &&
        text_[at_] != ')') {
        return Token{TokenKind::kBroken, {}};
    }
    return token;
}

Token ConfigLexer::read_word() {
    Token token{TokenKind::kWord, {}};
    while (!is_at_end()) {
        const char c = text_[at_];
        const bool is_variable_brace = c == '{' && token.word.ends_with('$');
        if (is_blank(c) || c == ';' || (c == '{' && !is_variable_brace)) {
            break;
        }
        if (c == '\\') {
            append_escaped(token.word);
        } else {
            token.word += c;
            ++at_;
        }
    }
    return token;
}

void ConfigLexer::skip_lua_string(char quote) {
    ++at_;
    while (!is_at_end() && text_[at_] != quote && text_[at_] != '\n') {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
            ++at_;
        }
        advance();
    }
    if (!is_at_end()) {
        advance();
    }
}

// "[[ … ]]", "[==[ … ]==]"; false (and one byte further) when it is just a bracket.
bool ConfigLexer::skip_lua_long_bracket() {
    std::size_t level = 0;
    std::size_t at = at_ + 1;
    while (at < text_.size() && text_[at] == '=') {
        ++at;
        ++level;
    }
    if (at >= text_.size() || text_[at] != '[') {
        at_ = at;
        return false;
    }
    at_ = at + 1;
    const std::string closing = "]" + std::string(level, '=') + "]";
    const std::size_t end = text_.find(closing, at_);
    const std::size_t stop = end == std::string_view::npos ? text_.size() : end + closing.size();
    while (at_ < stop) {
        advance();
    }
    return true;
}

bool ConfigLexer::skip_lua() {
    int depth = 1;
    while (!is_at_end()) {
        const char c = text_[at_];
        if (c == '"' || c == '\'') {
            skip_lua_string(c);
        } else if (c == '[') {
            (void)skip_lua_long_bracket();  // either way it is behind us
        } else if (text_.substr(at_, 2) == "--") {
            at_ += 2;
            if (is_at_end() || text_[at_] != '[' || !skip_lua_long_bracket()) {
                skip_line();
            }
        } else {
            depth += c == '{' ? 1 : 0;
            depth -= c == '}' ? 1 : 0;
            advance();
            if (depth == 0) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace gatemend::core
