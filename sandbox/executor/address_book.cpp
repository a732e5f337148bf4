// SPDX-License-Identifier: MIT
#include "sandbox/executor/address_book.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>

namespace gatemend::sandbox {
namespace {

constexpr int kMaxFiles = 5000;
constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{1024} * 1024;

bool is_boundary(char c) {
    return std::string_view{" \t\r\n;\"'{}=/"}.find(c) != std::string_view::npos;
}

bool contains_word(std::string_view text, std::string_view word) {
    for (std::size_t at = text.find(word); at != std::string_view::npos;
         at = text.find(word, at + 1)) {
        const std::size_t end = at + word.size();
        const bool is_start = at == 0 || is_boundary(text[at - 1]);
        if (is_start && (end == text.size() || (is_boundary(text[end]) && text[end] != '/'))) {
            return true;
        }
    }
    return false;
}

}  // namespace

bool mentions_address(std::string_view text, std::string_view address) {
    if (address.empty()) {
        return false;
    }
    if (contains_word(text, address)) {
        return true;
    }
    const std::size_t colon = address.rfind(':');
    const std::string_view host = address.substr(0, colon);
    const bool is_loopback = host == "127.0.0.1" || host == "[::1]";
    return is_loopback && contains_word(text, "localhost" + std::string{address.substr(colon)});
}

bool folder_mentions_address(const std::string& folder, std::string_view address) {
    namespace fs = std::filesystem;
    std::error_code error;
    fs::recursive_directory_iterator entries{
        folder, fs::directory_options::skip_permission_denied, error};
    for (int i = 0; !error && i < kMaxFiles && entries != fs::recursive_directory_iterator{}; ++i) {
        std::error_code stat_error;
        const auto size = entries->is_regular_file(stat_error) ? entries->file_size(stat_error) : 0;
        if (!stat_error && size > 0 && size <= kMaxFileBytes) {
            std::ifstream file{entries->path(), std::ios::binary};
            std::string text(static_cast<std::size_t>(size), '\0');
            file.read(text.data(), static_cast<std::streamsize>(size));
            text.resize(static_cast<std::size_t>(file.gcount()));
            if (mentions_address(text, address)) {
                return true;
            }
        }
        entries.increment(error);
    }
    return false;
}

}  // namespace gatemend::sandbox
