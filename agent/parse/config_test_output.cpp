// SPDX-License-Identifier: MIT
// The words of `nginx -t` and `php-fpm -t`. Rule: a configuration is called broken only when the
// tool itself named an error in it ([emerg]; ERROR, ALERT or a syntax error). A tool that was
// stopped by its surroundings (read-only file system, no permission, no space, memory or
// descriptors), or that failed without such words, could not test: kUnknown, whatever its exit
// status.
#include "core/text.hpp"
#include "parse/fpm_pool.hpp"
#include "parse/text_scan.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::parse {
namespace {

constexpr std::size_t kMaxOutputBytes = std::size_t{64} * 1024;
constexpr std::size_t kMaxPathBytes = 1024;

struct Finding {
    std::string_view file;
    int line = 0;
    std::string_view message;
};

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// "21-Nov-2026 14:29:57" of "[…] ERROR: " and the like; leaves what follows the level.
bool skip_fpm_level(TextScan& scan) {
    if (scan.skip("[")) {
        if (!scan.until("] ", 40) || !scan.skip("] ")) {
            return false;
        }
    }
    return scan.skip("ERROR: ") || scan.skip("ALERT: ");
}

bool is_fpm_boilerplate(std::string_view text) {
    return text.starts_with("FPM initialization failed") ||
           text.starts_with("failed to load configuration file") ||
           text.starts_with("failed to post process the configuration") ||
           text.starts_with("Unable to include ");
}

// "Unable to include FILE from FILE at line N": N counts in the included file.
void read_include_failure(std::string_view line, Finding& finding) {
    TextScan scan(line);
    if (!skip_fpm_level(scan) || !scan.skip("Unable to include ")) {
        return;
    }
    const auto file = scan.until(" from ", kMaxPathBytes);
    const std::size_t at = scan.rest().rfind(" at line ");
    if (!file || at == std::string_view::npos) {
        return;
    }
    scan.advance(at + std::string_view(" at line ").size());
    finding.file = *file;
    finding.line = scan.number().value_or(0);
}

// "failed to load configuration file 'FILE'"
void read_load_failure(std::string_view line, Finding& finding) {
    TextScan scan(line);
    if (skip_fpm_level(scan) && scan.skip("failed to load configuration file '")) {
        finding.file = scan.until("'", kMaxPathBytes).value_or("");
    }
}

// "[FILE:LINE] text", or just text.
Finding read_fpm_text(std::string_view text) {
    Finding finding{{}, 0, text};
    TextScan scan(text);
    if (!scan.skip("[/")) {
        return finding;
    }
    const auto place = scan.until("] ", kMaxPathBytes);
    if (!place) {
        return finding;
    }
    const std::size_t colon = place->rfind(':');
    if (colon == std::string_view::npos) {
        return finding;
    }
    TextScan number(place->substr(colon + 1));
    finding.line = number.number().value_or(0);
    finding.file = text.substr(1, colon + 1);
    finding.message = scan.rest().substr(2);
    return finding;
}

// "MESSAGE in /FILE:LINE", or just a message.
Finding read_nginx_text(std::string_view text) {
    Finding finding{{}, 0, text};
    const std::size_t in = text.rfind(" in /");
    const std::size_t colon = text.rfind(':');
    if (in == std::string_view::npos || colon == std::string_view::npos || colon < in) {
        return finding;
    }
    TextScan number(text.substr(colon + 1));
    const auto line = number.number();
    if (!line || !number.is_at_end()) {
        return finding;
    }
    return Finding{text.substr(in + 4, colon - in - 4), *line, text.substr(0, in)};
}

// "nginx: [emerg] …" or "2026/11/21 14:33:28 [emerg] 7#7: …"
std::optional<std::string_view> nginx_emergency(std::string_view line) {
    constexpr std::string_view kEmerg = "[emerg] ";
    TextScan scan(line);
    if (scan.skip("nginx: ")) {
        return scan.skip(kEmerg) ? std::optional(scan.rest()) : std::nullopt;
    }
    if (line.size() < 20 || !is_digit(line[0])) {
        return std::nullopt;
    }
    scan.advance(20);
    if (!scan.skip(kEmerg)) {
        return std::nullopt;
    }
    if (!scan.number() || !scan.skip("#") || !scan.number() || !scan.skip(": ")) {
        return std::nullopt;
    }
    return scan.rest();
}

// The message of a syntax error line of PHP's ini parser, which names no file.
std::optional<std::string_view> ini_syntax_error(std::string_view line) {
    TextScan scan(line);
    if (!scan.skip("PHP:") && !scan.skip("PHP ")) {
        return std::nullopt;
    }
    const std::string_view text = trim(scan.rest());
    return text.starts_with("syntax error") ? std::optional(text) : std::nullopt;
}

class OutputReader {
  public:
    // Lines in order; what counts is the first real error, and where it turns out to be.
    void take(std::string_view line) {
        if (finding_ && is_unplaced_) {
            read_include_failure(line, *finding_);
            if (finding_->file.empty()) {
                read_load_failure(line, *finding_);
            }
            is_unplaced_ = finding_->file.empty();
        }
        if (finding_) {
            return;
        }
        TextScan scan(line);
        if (const auto emergency = nginx_emergency(line)) {
            finding_ = read_nginx_text(*emergency);
        } else if (const auto syntax = ini_syntax_error(line)) {
            finding_ = Finding{{}, 0, *syntax};
            is_unplaced_ = true;
        } else if (skip_fpm_level(scan)) {
            if (is_fpm_boilerplate(scan.rest())) {
                boilerplate_ = boilerplate_.empty() ? scan.rest() : boilerplate_;
            } else {
                finding_ = read_fpm_text(scan.rest());
            }
        } else if (!trim(line).empty()) {
            last_words_ = trim(line);
        }
    }

    [[nodiscard]] const std::optional<Finding>& finding() const { return finding_; }

    [[nodiscard]] std::string_view last_words() const {
        return boilerplate_.empty() ? last_words_ : boilerplate_;
    }

  private:
    std::optional<Finding> finding_;
    bool is_unplaced_ = false;
    std::string_view boilerplate_;
    std::string_view last_words_;
};

// EPERM, EIO, ENOMEM, EACCES, ENFILE, EMFILE, ENOSPC, EROFS.
constexpr std::array<int, 8> kSurroundings{1, 5, 12, 13, 23, 24, 28, 30};

// nginx writes "(13: Permission denied)", FPM "Permission denied (13)", OpenSSL "error:8000000D:".
bool is_surroundings(std::string_view message) {
    return std::ranges::any_of(kSurroundings, [message](int number) {
        const std::string digits = std::to_string(number);
        constexpr std::string_view kHex = "0123456789ABCDEF";
        const auto value = static_cast<std::size_t>(number);
        const std::string tls =
            "error:800000" + std::string{kHex[value >> 4U], kHex[value & 0xFU]} + ":";
        return message.find(" (" + digits + ": ") != std::string_view::npos ||
               message.ends_with(" (" + digits + ")") ||
               message.find(tls) != std::string_view::npos;
    });
}

std::string shown(std::string_view words) {
    return words.empty() ? "the test failed without a word" : core::sanitize(words);
}

OutputReader read_output(std::string_view output) {
    OutputReader reader;
    output = output.substr(0, kMaxOutputBytes);
    while (!output.empty()) {
        const std::size_t end = std::min(output.find('\n'), output.size());
        reader.take(trim(output.substr(0, end)));
        output.remove_prefix(std::min(end + 1, output.size()));
    }
    return reader;
}

}  // namespace

core::ConfigTest parse_config_test(std::string_view verdict,
                                   std::string_view fingerprint,
                                   std::string_view output) {
    core::ConfigTest test;
    test.fingerprint = std::string(fingerprint);
    test.verdict = core::config_verdict_from_id(verdict).value_or(core::ConfigVerdict::kUnknown);
    if (test.verdict == core::ConfigVerdict::kValid) {
        return test;
    }
    const OutputReader reader = read_output(output);
    const std::optional<Finding>& finding = reader.finding();
    const bool is_genuine = finding && !is_surroundings(finding->message);
    if (test.verdict == core::ConfigVerdict::kUnknown || !is_genuine) {
        test.verdict = core::ConfigVerdict::kUnknown;
        test.message = shown(finding ? finding->message : reader.last_words());
        return test;
    }
    test.file = core::sanitize(finding->file);
    test.line = finding->line;
    test.message = shown(finding->message);
    return test;
}

}  // namespace gatemend::parse
