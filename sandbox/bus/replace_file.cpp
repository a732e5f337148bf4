// SPDX-License-Identifier: MIT
#include "sandbox/bus/replace_file.hpp"

#include "sandbox/bus/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace gatemend::bus {

namespace {

constexpr unsigned kStateMode = 0640;

core::Error failure(const char* what, const std::string& path) {
    return core::Error{std::string(what) + " '" + path +
                       "': " + std::generic_category().message(errno)};
}

}  // namespace

core::Status replace_file(const std::string& path, std::string_view content) {
    const std::string fresh = path + ".new";
    UniqueFd fd(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kStateMode));
    if (!fd.is_open()) {
        return failure("create", fresh);
    }
    while (!content.empty()) {
        const ssize_t put = ::write(fd.get(), content.data(), content.size());
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return failure("write", fresh);
        }
        content.remove_prefix(static_cast<std::size_t>(put));
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0) {
        return failure("rename to", path);
    }
    return core::Done{};
}

}  // namespace gatemend::bus
