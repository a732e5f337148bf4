// SPDX-License-Identifier: MIT
#include "actions/capture_files.hpp"

#include "sandbox/bus/folder_stream.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

namespace gatemend::actions {
namespace {

using bus::UniqueFd;
using core::Error;
using core::Result;

constexpr std::string_view kEnd = ".pcap";
constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;

Error failed(const std::string& what) {
    return Error{what + ": " + std::generic_category().message(errno)};
}

// nullopt: not a name that capture_name() makes.
std::optional<std::uint64_t> attempt_of(std::string_view name) {
    std::uint64_t attempt = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), attempt);
    const bool is_ours = error == std::errc{} && capture_name(attempt) == name;
    return is_ours ? std::optional{attempt} : std::nullopt;
}

Result<UniqueFd> open_folder(const std::string& folder) {
    if (mkdir(folder.c_str(), kFolderMode) != 0 && errno != EEXIST) {
        return failed(folder);
    }
    UniqueFd fd{open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!fd.is_open()) {
        return failed(folder);
    }
    return fd;
}

Result<std::vector<std::uint64_t>> list_captures(const std::string& folder) {
    GATEMEND_TRY(fd, open_folder(folder));
    const bus::FolderStream listing{fdopendir(fd.get())};
    if (!listing) {
        return failed(folder);
    }
    (void)fd.release();  // the listing's from here on
    std::vector<std::uint64_t> attempts;
    // One thread, one listing: readdir is as good as any.
    while (const dirent* entry = readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe)
        if (const auto attempt = attempt_of(static_cast<const char*>(entry->d_name))) {
            attempts.push_back(*attempt);
        }
    }
    std::ranges::sort(attempts);
    return attempts;
}

}  // namespace

std::string capture_name(std::uint64_t attempt) {
    return std::to_string(attempt).append(kEnd);
}

Result<UniqueFd> open_capture(const std::string& folder, std::uint64_t attempt) {
    GATEMEND_TRY(attempts, list_captures(folder));
    GATEMEND_TRY(home, open_folder(folder));
    for (std::size_t i = 0; i + kMaxCaptures <= attempts.size(); ++i) {
        if (unlinkat(home.get(), capture_name(attempts[i]).c_str(), 0) != 0 && errno != ENOENT) {
            return failed("remove an old capture");
        }
    }
    UniqueFd file{openat(home.get(),
                         capture_name(attempt).c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                         kFileMode)};
    if (!file.is_open()) {
        return failed(folder + "/" + capture_name(attempt));
    }
    return file;
}

void remove_capture(const std::string& folder, std::uint64_t attempt) {
    if (const auto home = open_folder(folder)) {
        (void)unlinkat(home->get(), capture_name(attempt).c_str(), 0);  // counted like any other
    }
}

}  // namespace gatemend::actions
