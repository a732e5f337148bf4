// SPDX-License-Identifier: MIT
#include "sandbox/secrecy/config_lines.hpp"

#include "core/secret_text.hpp"
#include "sandbox/secrecy/lines.hpp"
#include "sandbox/secrecy/nginx_words.hpp"
#include "sandbox/secrecy/plain_names.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace gatemend::sandbox {
namespace {

constexpr std::string_view kBlank = " \t\r";
constexpr std::size_t kMaxNameBytes = 80;

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
           (c >= '0' && c <= '9');
}

// "env[DB_PASSWORD]", "php_admin_value[mail.log]": the array is FPM's own, the key a name.
bool is_array_name(std::string_view name) {
    constexpr auto kArrays = std::to_array<std::string_view>(
        {"env[", "php_admin_flag[", "php_admin_value[", "php_flag[", "php_value["});
    const auto array = std::ranges::find_if(
        kArrays, [name](std::string_view item) { return name.starts_with(item); });
    return array != kArrays.end() && name.ends_with(']') && name.size() <= kMaxNameBytes &&
           std::ranges::all_of(name.substr(array->size(), name.size() - array->size() - 1),
                               is_name_byte);
}

// One word of what numbers, paths, users and addresses are made of; no comment behind it.
bool is_plain_value(std::string_view value) {
    return std::ranges::all_of(value, [](char c) {
        return is_name_byte(c) || c == '/' || c == ':' || c == '-' || c == ',' || c == '%' ||
               c == '$' || c == '*' || c == '[' || c == ']';
    });
}

bool is_number(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "[www]", "[Service]"
bool is_section(std::string_view line) {
    return line.starts_with('[') && line.ends_with(']') && line.size() <= kMaxNameBytes &&
           std::ranges::all_of(line.substr(1, line.size() - 2),
                               [](char c) { return is_name_byte(c) || c == '-' || c == '$'; });
}

std::string setting_line(std::string_view line, std::size_t equals) {
    const std::string_view name = trim(line.substr(0, equals));
    const std::string_view value = trim(line.substr(equals + 1));
    const bool is_plain = is_plain_setting(name);
    if (!is_plain && !is_array_name(name)) {
        return std::string{core::kHidden};
    }
    return std::string{name} + " = " +
           (is_plain && is_plain_value(value) ? core::mask_secrets(value)
                                              : std::string{core::kHidden});
}

// "fastcgi_pass unix:/run/php/app.sock;": one directive, whole, without quotes.
std::string directive_line(std::string_view line) {
    const std::size_t end = line.find_first_of(kBlank);
    const std::string_view name = line.substr(0, end);
    if (end == std::string_view::npos || !line.ends_with(';') || !is_plain_directive(name)) {
        return std::string{core::kHidden};
    }
    std::string_view rest = trim(line.substr(end, line.size() - end - 1));
    if (rest.find_first_of(";{}#\"'\\") != std::string_view::npos) {
        return std::string{name} + " " + std::string{core::kHidden} + ";";
    }
    std::string result{name};
    for (bool is_first = true; !rest.empty(); is_first = false) {
        const std::size_t word = std::min(rest.find_first_of(kBlank), rest.size());
        const bool is_shown = name != "return" || (is_first && is_number(rest.substr(0, word)));
        result += " " + (is_shown ? plain_argument(name, rest.substr(0, word))
                                  : std::string{core::kHidden});
        rest = trim(rest.substr(word));
    }
    return result + ";";
}

std::string hidden_line(std::string_view line) {
    const std::size_t indent = std::min(line.find_first_not_of(kBlank), line.size());
    return std::string{line.substr(0, indent)} +
           (trim(line).empty() ? "" : std::string{core::kHidden});
}

// What is shown, without blanks.
std::string words_shown(std::string text) {
    for (std::size_t at = 0; (at = text.find(core::kHidden, at)) != std::string::npos;) {
        text.erase(at, core::kHidden.size());
    }
    std::erase_if(text, [](char c) { return kBlank.find(c) != std::string_view::npos; });
    return text;
}

// May the value go on in the next line? Quotes may; and which one ends where is not for certain
// where something is escaped.
bool leaves_quote_open(std::string_view line) {
    const std::string_view text = trim(line);
    if (text.starts_with(';') || text.find_first_of("\"'") == std::string_view::npos) {
        return false;
    }
    char quote = '\0';
    for (const char c : text) {
        if (quote == '\0' && c == ';') {
            break;
        }
        if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == quote) {
            quote = '\0';
        }
    }
    return quote != '\0' || text.find('\\') != std::string_view::npos;
}

}  // namespace

// Shown as the line has it by itself, where nginx's grammar finds the same there.
std::vector<std::string> masked_nginx_lines(std::string_view text) {
    const std::vector<std::string> plain = plain_lines_of(text);
    std::vector<std::string> shown;
    for (const std::string_view line : lines_of(text)) {
        const std::size_t at = shown.size();
        std::string masked = masked_config_line(line);
        const bool is_same = at < plain.size() && words_shown(masked) == words_shown(plain[at]);
        shown.push_back(is_same ? std::move(masked) : hidden_line(line));
    }
    return shown;
}

// From the first value on that may not end in its line, all is hidden: nobody can say for certain
// where it does. systemd goes on in the next line behind a backslash, over comments.
std::vector<std::string> masked_setting_lines(std::string_view text) {
    std::vector<std::string> shown;
    bool is_lost = false;
    bool is_continued = false;
    for (const std::string_view line : lines_of(text)) {
        const std::string_view words = trim(line);
        is_lost = is_lost || leaves_quote_open(line);
        const bool is_setting = is_section(words) || words.find('=') != std::string_view::npos;
        shown.push_back(is_lost || is_continued || !is_setting ? hidden_line(line)
                                                               : masked_config_line(line));
        const bool is_comment = words.starts_with('#') || words.starts_with(';');
        is_continued = is_comment ? is_continued : words.ends_with('\\');
    }
    return shown;
}

std::string masked_config_line(std::string_view line) {
    const std::size_t indent = std::min(line.find_first_not_of(kBlank), line.size());
    const std::string_view text = trim(line);
    if (text.empty()) {
        return "";
    }
    std::string shown;
    const std::size_t equals = text.find('=');
    if (text == "{" || text == "}" || is_section(text)) {
        shown = text;
    } else if (equals != std::string_view::npos && text.substr(0, equals).find_first_of("; #\"'") >=
                                                       trim(text.substr(0, equals)).size()) {
        shown = setting_line(text, equals);
    } else {
        shown = directive_line(text);
    }
    return std::string{line.substr(0, indent)} + shown;
}

}  // namespace gatemend::sandbox
