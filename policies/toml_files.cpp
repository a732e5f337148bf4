// SPDX-License-Identifier: MIT
#include "policies/toml_files.hpp"

#include "policies/toml_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace gatemend::policy {
namespace {

class File {
  public:
    // O_NONBLOCK: a named pipe in the folder must not stop us.
    explicit File(const std::string& path, int flags)
        : fd_{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | flags)} {}

    ~File() {
        if (fd_ >= 0) {
            (void)::close(fd_);  // read-only: nothing can be lost
        }
    }

    File(const File&) = delete;
    File& operator=(const File&) = delete;

    [[nodiscard]] int fd() const { return fd_; }

  private:
    int fd_;
};

core::Error system_error(int number) {
    return core::Error{std::generic_category().message(number)};
}

std::string octal(mode_t mode) {
    std::string text;
    for (unsigned rest = mode & 07777U; rest != 0; rest /= 8) {
        text.insert(text.begin(), static_cast<char>('0' + rest % 8));
    }
    return "0" + text;
}

core::Status check_trust(const struct stat& info, Trust trust) {
    if (trust == Trust::kAny) {
        return core::Done{};
    }
    // Without privilege the owner says nothing: a test or a draft is read by its author, and the
    // agent decides nothing that the executor, who is root, does not check again.
    const uid_t self = ::geteuid();
    if (self == 0 && info.st_uid != 0) {
        return core::Error{"is owned by uid " + std::to_string(info.st_uid) +
                           ", must be owned by root"};
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return core::Error{"is writable by group or others (mode " + octal(info.st_mode) +
                           "), must be writable by its owner alone"};
    }
    return core::Done{};
}

core::Result<std::string> read_all(const File& file) {
    std::string bytes;
    std::array<char, 16384> buffer{};
    for (;;) {
        const ssize_t count = ::read(file.fd(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return system_error(errno);
        }
        if (count == 0) {
            return bytes;
        }
        bytes.append(buffer.data(), static_cast<std::size_t>(count));
        if (bytes.size() > kMaxPolicyFileBytes) {
            return core::Error{"is larger than " + std::to_string(kMaxPolicyFileBytes / 1024) +
                               " KiB"};
        }
    }
}

}  // namespace

core::Result<std::optional<std::string>> read_policy_file(const std::string& path, Trust trust) {
    const File file{path, 0};
    if (file.fd() < 0) {
        if (errno == ENOENT) {
            return std::optional<std::string>{};
        }
        if (errno == ELOOP) {
            return core::Error{"is a symbolic link, must be a regular file"};
        }
        return system_error(errno);
    }

    struct stat info {};

    if (::fstat(file.fd(), &info) != 0) {
        return system_error(errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return core::Error{"is no regular file"};
    }
    GATEMEND_CHECK(check_trust(info, trust));
    GATEMEND_TRY(bytes, read_all(file));
    return std::optional{std::move(bytes)};
}

core::Result<std::optional<std::vector<std::string>>> list_policy_files(const std::string& folder,
                                                                        Trust trust) {
    using Names = std::vector<std::string>;
    const File file{folder, O_DIRECTORY};
    if (file.fd() < 0) {
        if (errno == ENOENT) {
            return std::optional<Names>{};
        }
        return system_error(errno);
    }

    struct stat info {};

    if (::fstat(file.fd(), &info) != 0) {
        return system_error(errno);
    }
    GATEMEND_CHECK(check_trust(info, trust));
    Names names;
    std::error_code failure;
    std::filesystem::directory_iterator entry{folder, failure};
    for (; !failure && entry != std::filesystem::directory_iterator{}; entry.increment(failure)) {
        std::string name = entry->path().filename().string();
        if (name.ends_with(".toml") && !name.starts_with('.')) {
            names.push_back(std::move(name));
        }
        if (names.size() > kMaxPolicyFiles) {
            return core::Error{"holds more than " + std::to_string(kMaxPolicyFiles) +
                               " policy files"};
        }
    }
    if (failure) {
        return core::Error{failure.message()};
    }
    std::ranges::sort(names);
    return std::optional{std::move(names)};
}

}  // namespace gatemend::policy
