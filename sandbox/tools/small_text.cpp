// SPDX-License-Identifier: MIT
#include "sandbox/tools/small_text.hpp"

#include "core/text.hpp"
#include "sandbox/bus/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace gatemend::sandbox {

std::optional<std::string> read_small_text(int fd, std::size_t limit) {
    std::string text(limit, '\0');
    std::size_t size = 0;
    while (size < limit) {
        const ssize_t got = ::read(fd, text.data() + size, limit - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return std::nullopt;
        }
        if (got == 0) {
            break;
        }
        size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    return text;
}

std::optional<std::string> read_small_text(const std::string& path, std::size_t limit) {
    const bus::UniqueFd fd{
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW)};

    struct stat info {};

    if (!fd.is_open() || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
        return std::nullopt;
    }
    return read_small_text(fd.get(), limit);
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

std::optional<ProcessGlance> glance_at_process(const std::string& proc, std::uint32_t pid) {
    const auto text = read_small_text(proc + "/" + std::to_string(pid) + "/stat");
    if (!text) {
        return std::nullopt;
    }
    // "812 (apt-get) S ...": the name is the process's own and may hold blanks and parentheses
    const std::size_t begin = text->find('(');
    const std::size_t end = text->rfind(')');
    if (begin == std::string::npos || end == std::string::npos || end < begin) {
        return std::nullopt;
    }
    constexpr int kStartTime = 22;  // field of proc(5), counted from 1; `end` closes field 2
    std::string_view rest = std::string_view{*text}.substr(end + 1);
    std::string_view word;
    for (int field = 2; field < kStartTime; ++field) {
        rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
        word = rest.substr(0, rest.find(' '));
        rest.remove_prefix(word.size());
    }
    const auto ticks = whole_number(word);
    const long per_second = ::sysconf(_SC_CLK_TCK);
    if (!ticks || per_second <= 0) {
        return std::nullopt;
    }
    const auto rate = static_cast<std::uint64_t>(per_second);
    const auto seconds = std::chrono::seconds{static_cast<std::int64_t>(*ticks / rate)};
    return ProcessGlance{core::sanitize(text->substr(begin + 1, end - begin - 1)), seconds};
}

}  // namespace gatemend::sandbox
