// SPDX-License-Identifier: MIT
#include "sandbox/inspect/proc_text.hpp"

#include "sandbox/bus/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace gatemend::inspect {

bool is_over(Deadline deadline) {
    return std::chrono::steady_clock::now() >= deadline;
}

std::optional<std::string> read_text(const std::string& path, std::size_t limit) {
    const bus::UniqueFd file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (!file.is_open()) {
        return std::nullopt;
    }
    std::string text(limit, '\0');
    std::size_t size = 0;
    while (size < limit) {
        const ssize_t got = read(file.get(), text.data() + size, limit - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return std::nullopt;  // a process that has ended meanwhile
        }
        if (got == 0) {
            break;
        }
        size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    return text;
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end != text.data() ? std::optional{number} : std::nullopt;
}

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        if (line.starts_with(key)) {
            return leading_number(line.substr(key.size()));
        }
    }
    return std::nullopt;
}

std::optional<std::uint32_t> decimal_permille(std::string_view text) {
    constexpr std::uint64_t kMaxWhole = 1'000'000;
    const auto whole = leading_number(text);
    if (!whole || *whole > kMaxWhole) {
        return std::nullopt;
    }
    std::uint64_t permille = *whole * 1000;
    const std::size_t point = text.find('.');
    std::uint64_t weight = 100;
    for (std::size_t i = point; i != std::string_view::npos && ++i < text.size() && weight > 0;) {
        if (text[i] < '0' || text[i] > '9') {
            break;
        }
        permille += weight * static_cast<std::uint64_t>(text[i] - '0');
        weight /= 10;
    }
    return static_cast<std::uint32_t>(permille);
}

std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

std::string_view take_word(std::string_view& text) {
    const std::size_t end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return word;
}

}  // namespace gatemend::inspect
