// SPDX-License-Identifier: MIT
#include "sandbox/tools/fingerprint.hpp"

#include "sandbox/audit/digest.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

namespace gatemend::sandbox {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

void append_time(std::string& line, const timespec& time) {
    line.append(" ").append(std::to_string(time.tv_sec));
    line.append(".").append(std::to_string(time.tv_nsec));
}

void append_info(std::string& line, const struct stat& info) {
    for (const std::uint64_t number : {static_cast<std::uint64_t>(info.st_mode),
                                       static_cast<std::uint64_t>(info.st_dev),
                                       static_cast<std::uint64_t>(info.st_ino),
                                       static_cast<std::uint64_t>(info.st_size)}) {
        line.append(" ").append(std::to_string(number));
    }
    append_time(line, info.st_mtim);
    append_time(line, info.st_ctim);
}

core::TimePoint changed_at(const struct stat& info) {
    return core::TimePoint{
        std::chrono::duration_cast<core::Duration>(std::chrono::seconds{info.st_ctim.tv_sec} +
                                                   std::chrono::nanoseconds{info.st_ctim.tv_nsec})};
}

Error nothing_there() {
    return Error{"none of the configuration files exists"};
}

constexpr int kAlone = -1;  // as a depth: what is in a folder does not count

class Collector {
  public:
    Status add(const std::string& path, int depth) {
        struct stat info {};

        if (lstat(path.c_str(), &info) < 0) {
            return Done{};  // absent, or gone while we looked: then the next look differs
        }
        if (lines_.size() >= kMaxFingerprintFiles) {
            return Error{"more than " + std::to_string(kMaxFingerprintFiles) + " files"};
        }
        std::string line = path;
        append_info(line, info);
        if (S_ISLNK(info.st_mode)) {
            struct stat target {};

            if (stat(path.c_str(), &target) == 0) {
                line.append(" ->");
                append_info(line, target);
            } else {
                line.append(" -> nothing");
            }
        }
        lines_.insert(std::move(line));
        return S_ISDIR(info.st_mode) && depth != kAlone ? add_folder(path, depth) : Status{Done{}};
    }

    Result<std::string> finish() {
        if (lines_.empty()) {
            return nothing_there();
        }
        std::string all;
        for (const std::string& line : lines_) {
            all.append(line).push_back('\0');
        }
        return sha256_hex(all);
    }

  private:
    Status add_folder(const std::string& path, int depth) {
        if (depth >= kMaxFingerprintDepth) {
            return Error{"folders nested too deep at " + path};
        }
        std::error_code error;
        std::filesystem::directory_iterator entries{path, error};
        while (!error && entries != std::filesystem::directory_iterator{}) {
            GATEMEND_CHECK(add(entries->path().string(), depth + 1));
            entries.increment(error);
        }
        if (error) {
            return Error{"read folder " + path + ": " + error.message()};
        }
        return Done{};
    }

    std::set<std::string> lines_;
};

}  // namespace

Result<std::string> fingerprint_files(const std::vector<std::string>& paths,
                                      const std::vector<std::string>& places) {
    Collector collector;
    for (const std::string& path : paths) {
        GATEMEND_CHECK(collector.add(path, 0));
    }
    for (const std::string& place : places) {
        GATEMEND_CHECK(collector.add(place, kAlone));
    }
    return collector.finish();
}

Result<ConfigChange> find_newest_change(const std::vector<std::string>& places) {
    std::optional<ConfigChange> newest;
    for (const std::string& place : places) {
        struct stat info {};

        if (lstat(place.c_str(), &info) == 0 && (!newest || changed_at(info) > newest->time)) {
            newest = {place, changed_at(info)};
        }
    }
    return newest ? Result<ConfigChange>{*std::move(newest)} : nothing_there();
}

}  // namespace gatemend::sandbox
