// SPDX-License-Identifier: MIT
#include "sandbox/secrecy/nginx_words.hpp"

#include "core/config_lexer.hpp"
#include "core/secret_text.hpp"
#include "sandbox/secrecy/lines.hpp"
#include "sandbox/secrecy/plain_names.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace gatemend::sandbox {
namespace {

using core::ConfigLexer;
using core::Token;
using core::TokenKind;

constexpr std::string_view kHeader = "# configuration file ";
constexpr std::size_t kMaxDepth = 256;

// Blocks by what may be shown of them.
constexpr auto kPlainBlocks = std::to_array<std::string_view>(
    {"events", "http", "mail", "server", "stream", "upstream"});  // with their words
constexpr auto kKnownBlocks = std::to_array<std::string_view>({"charset_map",
                                                               "geo",
                                                               "if",
                                                               "limit_except",
                                                               "location",
                                                               "map",
                                                               "match",
                                                               "split_clients",
                                                               "types"});  // their names alone
// Of these the entries are no directives.
constexpr auto kDataBlocks = std::to_array<std::string_view>(
    {"charset_map", "geo", "map", "match", "split_clients", "types"});

template <class List>
bool contains(const List& list, std::string_view name) {
    return std::ranges::find(list, name) != list.end();
}

bool is_number(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

class Filter {
  public:
    explicit Filter(std::string_view text, bool is_by_line = false)
        : text_(text),
          lexer_(text),
          is_by_line_(is_by_line) {}

    std::string run() {
        while (take_statement()) {
        }
        for (std::size_t i = 0; i < is_data_.size(); ++i) {
            result_ += " }";
        }
        if (!result_.ends_with('\n')) {
            result_ += '\n';
        }
        return std::move(result_);
    }

    // None where the text cannot be read to its end: what a quote or a block holds is not known
    // then.
    std::optional<std::string> run_whole() {
        while (take_statement()) {
        }
        return is_whole_ ? std::optional{std::move(result_)} : std::nullopt;
    }

  private:
    // False at the end, and where what follows cannot be read.
    bool take_statement() {
        std::vector<Token> words;
        Token token = lexer_.next();
        while (token.kind == TokenKind::kWord) {
            words.push_back(std::move(token));
            token = lexer_.next();
        }
        const std::string name = words.empty() ? "" : name_of(words.front());
        switch (token.kind) {
            case TokenKind::kSemicolon:
                take_directive(name, words, token);
                return true;
            case TokenKind::kOpen:
                return open(name, words, token);
            case TokenKind::kClose:
                if (is_data_.empty() || !words.empty()) {
                    return false;
                }
                is_data_.pop_back();
                add(token, "}");
                return true;
            case TokenKind::kEnd:
                is_whole_ = words.empty() && is_data_.empty();
                return false;
            case TokenKind::kWord:
            case TokenKind::kBroken:
                break;
        }
        return false;
    }

    // Where a `;` is missing, the next line's words would be this directive's.
    [[nodiscard]] bool is_one_line(const Token& first, const Token& last) const {
        return text_.substr(first.begin, last.begin - first.begin).find('\n') ==
               std::string_view::npos;
    }

    // "" where it is quoted or escaped: no directive is written like that.
    [[nodiscard]] std::string name_of(const Token& word) const {
        return text_.substr(word.begin, word.end - word.begin) == word.word ? word.word : "";
    }

    void take_directive(const std::string& name,
                        const std::vector<Token>& words,
                        const Token& semicolon) {
        const bool is_data = !is_data_.empty() && is_data_.back();
        if (name != "include" && (is_data || !is_plain_directive(name))) {
            return;
        }
        if (is_by_line_ && (words.empty() || !is_one_line(words.front(), semicolon))) {
            return;
        }
        add(words.front(), name);
        for (std::size_t i = 1; i < words.size(); ++i) {
            const std::string_view written =
                text_.substr(words[i].begin, words[i].end - words[i].begin);
            // Only what nginx answers with, not the text or the address.
            if (name == "return" && (i > 1 || !is_number(written))) {
                continue;
            }
            add(words[i], plain_argument(name, written));
        }
        add(semicolon, ";");
    }

    bool open(const std::string& name, const std::vector<Token>& words, const Token& brace) {
        if (name.ends_with("_by_lua_block")) {
            return lexer_.skip_lua();
        }
        if (is_data_.size() >= kMaxDepth) {
            return false;
        }
        const bool is_plain = contains(kPlainBlocks, name);
        const Token& first = words.empty() ? brace : words.front();
        add(first, is_plain || contains(kKnownBlocks, name) ? name : "hidden");
        for (std::size_t i = 1; i < words.size(); ++i) {
            const std::string_view written =
                text_.substr(words[i].begin, words[i].end - words[i].begin);
            add(words[i], is_plain ? plain_argument(name, written) : "/hidden");
        }
        add(brace, "{");
        const bool is_unknown = is_by_line_ && !is_plain && !contains(kKnownBlocks, name);
        is_data_.push_back((!is_data_.empty() && is_data_.back()) || is_unknown ||
                           contains(kDataBlocks, name));
        return true;
    }

    // In the line where it stands, in place of what the file says there.
    void add(const Token& token, std::string_view words) {
        const auto lines = std::count(text_.begin() + static_cast<std::ptrdiff_t>(copied_),
                                      text_.begin() + static_cast<std::ptrdiff_t>(token.begin),
                                      '\n');
        result_.append(static_cast<std::size_t>(lines), '\n');
        if (lines == 0 && !result_.empty()) {
            result_ += ' ';
        }
        result_ += words;
        copied_ = std::max(copied_, token.begin);
    }

    std::string_view text_;
    ConfigLexer lexer_;
    bool is_by_line_;
    bool is_whole_ = false;
    std::vector<bool> is_data_;  // of the open blocks
    std::size_t copied_ = 0;     // of the text, lines counted up to here
    std::string result_;
};

// The path of a header line that begins at `at`; "" when there is none.
std::string header_at(std::string_view dump, std::size_t at) {
    if (!dump.substr(at).starts_with(kHeader)) {
        return "";
    }
    const std::size_t begin = at + kHeader.size();
    const std::size_t end = std::min(dump.find('\n', begin), dump.size());
    const std::string_view path = dump.substr(begin, end - begin);
    return path.starts_with('/') && path.ends_with(':')
               ? std::string{path.substr(0, path.size() - 1)}
               : "";
}

std::size_t next_header(std::string_view dump, std::size_t at) {
    while (at < dump.size() && header_at(dump, at).empty()) {
        at = std::min(dump.find('\n', at), dump.size() - 1) + 1;
    }
    return at;
}

// nginx prints each file whole and a line feed behind it. Where that is what stands there, the text
// ends there, whatever lines like a header are in it.
std::optional<std::size_t> text_end(std::string_view dump,
                                    std::size_t begin,
                                    std::optional<std::size_t> size) {
    if (!size || *size >= dump.size() - begin || dump[begin + *size] != '\n') {
        return std::nullopt;
    }
    const std::size_t next = begin + *size + 1;
    return next == dump.size() || !header_at(dump, next).empty() ? std::optional{next}
                                                                 : std::nullopt;
}

// Where something was cut out, what is left must not mean more than a word.
std::string masked_inside(std::string_view text) {
    std::string masked = core::mask_secrets(text);
    const bool is_cut = masked != text;
    for (char& c : masked) {
        const bool is_grammar = std::string_view{";{}\"'\\ \t"}.find(c) != std::string_view::npos;
        if (c == '\n' || c == '\r') {
            c = ' ';
        } else if (is_cut && is_grammar) {
            c = '_';
        }
    }
    return masked;
}

}  // namespace

std::string plain_argument(std::string_view directive, std::string_view argument) {
    std::string_view shown = argument;
    if (is_pass(directive)) {
        const std::size_t scheme = shown.find("://");
        const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
        const bool is_unix = shown.substr(host).starts_with("unix:");
        const std::size_t behind =
            is_unix ? shown.find(':', host + 5) : shown.find_first_of("/?#", host);
        if (host > 0 && behind != std::string_view::npos) {
            const bool is_kept = shown[behind] == '/' || shown[behind] == ':';
            shown = shown.substr(0, behind + (is_kept ? 1 : 0));
            const char quote = argument.front();
            const bool is_quoted = quote == '"' || quote == '\'';
            return is_quoted ? quote + masked_inside(shown.substr(1)) + quote
                             : masked_inside(shown);
        }
    }
    const char quote = shown.empty() ? '\0' : shown.front();
    if (shown.size() > 1 && (quote == '"' || quote == '\'') && shown.back() == quote) {
        return quote + masked_inside(shown.substr(1, shown.size() - 2)) + quote;
    }
    return masked_inside(shown);
}

std::string plain_directives_of(std::string_view text) {
    return Filter{text}.run();
}

std::vector<std::string> plain_lines_of(std::string_view text) {
    const std::string shown = Filter{text, true}.run_whole().value_or("");
    const std::vector<std::string_view> lines = lines_of(shown);
    return {lines.begin(), lines.end()};
}

std::string without_private_text(std::string dump, const DumpFiles& files) {
    const std::string_view all = dump;
    std::optional<std::string> result;  // from the first hidden file on
    bool is_lost = false;               // where a private text ends is not known
    for (std::size_t at = 0; at < all.size();) {
        const std::string path = header_at(all, at);
        const std::size_t begin =
            path.empty() ? at : std::min(all.find('\n', at), all.size() - 1) + 1;
        const auto end = path.empty() ? std::nullopt : text_end(all, begin, files.size_of(path));
        const std::size_t next = end.value_or(next_header(all, begin));
        const bool is_open = !is_lost && !path.empty() && files.is_open(path);
        if (!is_open && !result) {
            result = all.substr(0, at);
        }
        is_lost = is_lost || (!is_open && !end);
        if (is_open && result) {
            result->append(all.substr(at, next - at));
        } else if (!is_open) {
            result->append(all.substr(at, begin - at));
            result->append(plain_directives_of(all.substr(begin, next - begin))).append("\n");
        }
        at = next;
    }
    return result ? *std::move(result) : std::move(dump);
}

}  // namespace gatemend::sandbox
