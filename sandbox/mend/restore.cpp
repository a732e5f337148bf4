// SPDX-License-Identifier: MIT
#include "sandbox/mend/restore.hpp"

#include "sandbox/audit/digest.hpp"
#include "sandbox/mend/config_files.hpp"
#include "sandbox/mend/content.hpp"
#include "sandbox/mend/file_swap.hpp"
#include "sandbox/mend/folder.hpp"
#include "sandbox/mend/manifest.hpp"
#include "sandbox/mend/place.hpp"
#include "sandbox/secrecy/readable.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace gatemend::mend {
namespace {

using core::Error;
using core::Result;

constexpr std::size_t kMaxSnapshots = 1000;
constexpr mode_t kModeBits = 0777;

constexpr std::array kSuffixes{
    ".dpkg-old", ".dpkg-dist", ".dpkg-bak", ".ucf-old", ".bak", ".orig", "~"};

struct Version {
    std::string name;  // of the file it is in
    std::string bytes;
    timespec time{};
    bool is_private = true;  // or may be
};

std::string time_text(const timespec& time) {
    tm parts{};
    std::array<char, 32> text{};
    if (gmtime_r(&time.tv_sec, &parts) == nullptr) {
        return "an unknown time";
    }
    const std::size_t size = strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
    return {text.data(), size};
}

std::string age_text(const timespec& time) {
    constexpr std::time_t kDay = 86'400;
    const std::time_t age = std::max<std::time_t>(std::time(nullptr) - time.tv_sec, 0);
    return age < kDay ? "less than a day old" : std::to_string(age / kDay) + " days old";
}

bool is_private(const Version& version) {
    return version.is_private;
}

class Versions {
  public:
    explicit Versions(const Machine& machine) : machine_(machine) {}

    // What cannot be read or is not root's alone is no version.
    void add(const std::string& path) {
        const auto place = find_place(machine_, path);
        if (!place || !place->is_there || place->path != path) {
            return;
        }
        auto content = read_content(machine_, *place);
        if (content && !content->bytes.empty()) {  // an empty file would pass any test
            const bool is_own =
                path.starts_with(machine_.good + "/") || path.starts_with(machine_.snapshots + "/");
            const bool is_open = is_own ? is_copy_of_open_file(content->info.st_mode)
                                        : sandbox::is_open_to_all(path, machine_.root);
            list_.push_back(
                Version{path, std::move(content->bytes), content->info.st_mtim, !is_open});
        }
    }

    void add_snapshots(const std::string& path) {
        std::vector<std::string> attempts = list_folder(machine_, machine_.snapshots);
        attempts.resize(std::min(attempts.size(), kMaxSnapshots));
        for (const std::string& attempt : attempts) {
            const std::string folder = machine_.snapshots + "/" + attempt;
            const auto manifest = load_manifest(machine_, folder);
            if (!manifest || !*manifest) {
                continue;
            }
            for (std::size_t i = 0; i < (*manifest)->files.size(); ++i) {
                if ((*manifest)->files[i].change.path == path) {
                    add(folder + "/" + old_name(i));
                }
            }
        }
    }

    // Newest first, each content once, none that is `present`.
    std::vector<Version> take(const std::optional<std::string>& present) {
        std::ranges::sort(list_, [](const Version& a, const Version& b) {
            return std::tuple{b.time.tv_sec, b.time.tv_nsec, a.name} <
                   std::tuple{a.time.tv_sec, a.time.tv_nsec, b.name};
        });
        std::set<std::string> known;
        std::vector<Version> kept;
        for (Version& version : list_) {
            if (version.bytes != present && known.insert(version.bytes).second) {
                kept.push_back(std::move(version));
            }
        }
        return kept;
    }

  private:
    const Machine& machine_;
    std::vector<Version> list_;
};

}  // namespace

Result<Restored> find_version(const Machine& machine, const Order& order) {
    const std::string& file = order.parameters.find("file")->second;
    const auto paths = config_paths(order.unit);
    GATEMEND_TRY(place, find_place(machine, file));
    if (!paths || !is_below(*paths, place.path)) {
        return Error{place.path + " is no configuration of " + order.unit};
    }
    GATEMEND_TRY(content, find_content(machine, place));
    Restored restored{.path = place.path};
    mode_t mode = kNewFileMode;
    if (content) {
        mode = content->info.st_mode & kModeBits;
        restored.before = std::move(content->bytes);
    }
    Versions versions(machine);
    versions.add(machine.good + "/" + order.unit + place.path);
    versions.add_snapshots(place.path);
    for (const char* suffix : kSuffixes) {
        versions.add(place.path + suffix);
    }
    std::vector<Version> found = versions.take(restored.before);
    // What only root could read does not become everybody's by coming back, nor what only root
    // could read when gatemend copied it.
    const bool is_open = sandbox::is_open_to_all(place.path, machine.root);
    const std::size_t private_ones = is_open ? std::erase_if(found, is_private) : 0;
    auto chosen = found.begin() + std::min<std::ptrdiff_t>(
                                      order.candidate, static_cast<std::ptrdiff_t>(found.size()));
    if (!order.version.empty()) {
        chosen = std::ranges::find_if(found, [&order](const Version& version) {
            return sandbox::sha256_hex(version.bytes) == order.version;
        });
    }
    if (chosen == found.end()) {
        return Error{place.path + (private_ones == 0
                                       ? ": no kept version left"
                                       : ": no kept version left but what only root may read, or "
                                         "could when it was copied, and everybody may read this "
                                         "file; close it (`chmod 0600`), and it is offered")};
    }
    restored.after = std::move(chosen->bytes);
    restored.source = chosen->name;
    restored.is_source_private = chosen->is_private;
    restored.note =
        "from " + chosen->name + " of " + time_text(chosen->time) + ", " + age_text(chosen->time);
    restored.note +=
        std::string{"; the file's mode "} + (content ? "stays " : "will be ") + octal(mode);
    return restored;
}

}  // namespace gatemend::mend
