// SPDX-License-Identifier: MIT
// Any bytes as a file that not everybody may read, as what a tool says of it and as a line of its
// preview: what a marked word of it says never comes out, and braces stay balanced.
#include "core/config_lexer.hpp"
#include "core/secret_text.hpp"
#include "sandbox/secrecy/config_lines.hpp"
#include "sandbox/secrecy/nginx_words.hpp"
#include "sandbox/secrecy/tool_words.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <string>

namespace {

using gatemend::core::ConfigLexer;
using gatemend::core::TokenKind;
namespace fuzz = gatemend::fuzz;
namespace sandbox = gatemend::sandbox;

constexpr std::string_view kMark = "S3CRET~WORD";  // no plain directive takes such a word

bool shows_mark(const std::string& text) {
    return text.find(kMark) != std::string::npos;
}

void check_directives(const std::string& text) {
    const std::string shown = sandbox::plain_directives_of(text);
    ConfigLexer lexer{shown};
    int depth = 0;
    for (auto token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
        fuzz::require(token.kind != TokenKind::kBroken);
        depth += token.kind == TokenKind::kOpen ? 1 : 0;
        depth -= token.kind == TokenKind::kClose ? 1 : 0;
        fuzz::require(depth >= 0);
    }
    fuzz::require(depth == 0);
    fuzz::require(!shows_mark(
        sandbox::plain_directives_of("set $x \"" + std::string{kMark} + "\";\n" + text)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text{fuzz::as_text(data, size)};
    if (shows_mark(text)) {
        return 0;
    }
    const auto nobody = [](const std::string&) { return false; };
    check_directives(text);
    const std::string dump = "# configuration file /a:\n" + text + "\n";
    (void)sandbox::without_private_text(dump,
                                        {.is_open = nobody, .size_of = [&text](const std::string&) {
                                             return std::optional{text.size()};
                                         }});
    (void)sandbox::without_private_quotes_in(text, nobody);
    fuzz::require(
        !shows_mark(sandbox::masked_config_line("env[X] = " + std::string{kMark} + text)));
    for (const std::string& line :
         sandbox::masked_nginx_lines("set $x \"" + std::string{kMark} + "\";\n" + text)) {
        fuzz::require(!shows_mark(line));
    }
    for (const std::string& line :
         sandbox::masked_setting_lines("env[X] = \"\n" + std::string{kMark} + " = " + text)) {
        fuzz::require(!shows_mark(line));
    }
    (void)gatemend::core::mask_secrets(text);
    return 0;
}
