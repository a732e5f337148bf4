// SPDX-License-Identifier: MIT
#include "sandbox/executor/address_book.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>

namespace gatemend::sandbox {
namespace {

constexpr int kMaxFiles = 5000;
constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{1024} * 1024;

constexpr std::string_view kUnixPrefix = "unix:";

constexpr std::string_view kBefore = " \t\r\n;\"'{}=/";
// "unix:/run/a.sock:/uri", but not "unix:/run/a.sock/b"
constexpr std::string_view kAfterPath = " \t\r\n;\"'{}=:";
constexpr std::string_view kAfterPort = " \t\r\n;\"'{}=/?$";
constexpr std::string_view kAfterLog = " \t\r\n;\"'";
constexpr std::string_view kAfterHost = " \t\r\n;\"'{}=/?$:";

bool is_one_of(char c, std::string_view set) {
    return set.find(c) != std::string_view::npos;
}

bool contains_word(std::string_view text, std::string_view word, std::string_view after) {
    for (std::size_t at = text.find(word); at != std::string_view::npos;
         at = text.find(word, at + 1)) {
        const std::size_t end = at + word.size();
        const bool is_start = at == 0 || is_one_of(text[at - 1], kBefore);
        if (is_start && (end == text.size() || is_one_of(text[end], after))) {
            return true;
        }
    }
    return false;
}

std::string_view line_before(std::string_view text, std::size_t at) {
    const std::size_t end = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
    const std::size_t begin = end == std::string_view::npos ? 0 : end + 1;
    return text.substr(begin, at - begin);
}

void drop_behind(std::string_view& text, std::string_view set) {
    while (!text.empty() && is_one_of(text.back(), set)) {
        text.remove_suffix(1);
    }
}

// What stands in front of a path: `    error_log "`, `php_admin_value[error_log] = `.
bool names_log(std::string_view line) {
    constexpr std::string_view kBlanks = " \t";
    const std::size_t first = line.find_first_not_of(kBlanks);
    if (first == std::string_view::npos || line[first] == ';' ||
        line.find('#') != std::string_view::npos) {
        return false;
    }
    const std::size_t whole = line.size();
    drop_behind(line, " \t\"'");
    drop_behind(line, "=");
    drop_behind(line, kBlanks);
    const bool is_apart = line.size() < whole;
    drop_behind(line, "]");
    return is_apart && (line.ends_with("error_log") || line.ends_with("access_log") ||
                        line.ends_with("slowlog") || line.ends_with("access.log"));
}

bool file_mentions(const std::filesystem::path& path, std::string_view word, Mention mentions) {
    std::error_code error;
    const auto size =
        std::filesystem::is_regular_file(path, error) ? std::filesystem::file_size(path, error) : 0;
    if (error || size == 0 || size > kMaxFileBytes) {
        return false;
    }
    std::ifstream file{path, std::ios::binary};
    std::string text(static_cast<std::size_t>(size), '\0');
    file.read(text.data(), static_cast<std::streamsize>(size));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return mentions(text, word);
}

}  // namespace

HostAndPort split_port(std::string_view address) {
    const std::size_t colon = address.rfind(':');
    if (colon == std::string_view::npos) {
        return {address, {}};
    }
    return {address.substr(0, colon), address.substr(colon)};
}

bool mentions_address(std::string_view text, std::string_view address) {
    if (address.empty()) {
        return false;
    }
    if (address.starts_with(kUnixPrefix)) {
        return contains_word(text, address, kAfterPath);
    }
    if (contains_word(text, address, kAfterPort)) {
        return true;
    }
    const auto [host, port] = split_port(address);
    const bool is_loopback = host == "127.0.0.1" || host == "[::1]";
    if (is_loopback && contains_word(text, "localhost" + std::string{port}, kAfterPort)) {
        return true;
    }
    const bool is_default = port == ":80" || port == ":443";
    return is_default && (contains_word(text, host, kAfterPort) ||
                          (is_loopback && contains_word(text, "localhost", kAfterPort)));
}

bool mentions_host(std::string_view text, std::string_view name) {
    return !name.empty() && contains_word(text, name, kAfterHost);
}

bool mentions_log(std::string_view text, std::string_view path) {
    for (std::size_t at = text.find(path); at != std::string_view::npos && !path.empty();
         at = text.find(path, at + 1)) {
        const std::size_t end = at + path.size();
        if ((end == text.size() || is_one_of(text[end], kAfterLog)) &&
            names_log(line_before(text, at))) {
            return true;
        }
    }
    return false;
}

bool folder_mentions(const std::string& folder, std::string_view word, Mention mentions) {
    namespace fs = std::filesystem;
    if (file_mentions(folder, word, mentions)) {
        return true;
    }
    std::error_code error;
    fs::recursive_directory_iterator entries{
        folder, fs::directory_options::skip_permission_denied, error};
    for (int i = 0; !error && i < kMaxFiles && entries != fs::recursive_directory_iterator{}; ++i) {
        if (file_mentions(entries->path(), word, mentions)) {
            return true;
        }
        entries.increment(error);
    }
    return false;
}

}  // namespace gatemend::sandbox
