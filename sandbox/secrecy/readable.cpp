// SPDX-License-Identifier: MIT
#include "sandbox/secrecy/readable.hpp"

#include <climits>

#include <sys/stat.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace gatemend::sandbox {
namespace {

constexpr std::uint32_t kRead = 4;
constexpr std::uint32_t kSearch = 1;

// linux/posix_acl_xattr.h: four bytes of version, then (tag, permissions, id), little-endian.
constexpr std::size_t kHeaderBytes = 4;
constexpr std::size_t kEntryBytes = 8;
constexpr unsigned char kOwnerTag = 0x01;
constexpr std::size_t kMaxListBytes = 8192;

// Every entry but the owner's. A list that cannot be read grants nothing.
bool does_list_grant(const std::string& path, std::uint32_t bit) {
    std::array<char, kMaxListBytes> list{};
    const ssize_t size =
        getxattr(path.c_str(), "system.posix_acl_access", list.data(), list.size());
    if (size < 0) {
        return errno == ENODATA || errno == ENOTSUP;
    }
    const std::string_view text{list.data(), static_cast<std::size_t>(size)};
    for (std::size_t at = kHeaderBytes; at + kEntryBytes <= text.size(); at += kEntryBytes) {
        const auto tag = static_cast<unsigned char>(text[at]);
        const auto permissions = static_cast<unsigned char>(text[at + 2]);
        if (tag != kOwnerTag && (permissions & bit) == 0) {
            return false;
        }
    }
    return true;
}

bool does_grant(const std::string& path, const struct stat& info, std::uint32_t bit) {
    constexpr unsigned kGroupShift = 3;
    const auto mode = static_cast<std::uint32_t>(info.st_mode);
    return (mode & bit) != 0 && ((mode >> kGroupShift) & bit) != 0 && does_list_grant(path, bit);
}

// nullopt: neither it nor its folder is there, or it cannot be told.
std::optional<std::string> resolved(const std::string& path) {
    std::array<char, PATH_MAX> space{};
    if (realpath(path.c_str(), space.data()) != nullptr) {
        return std::string{space.data()};
    }
    const std::size_t slash = path.rfind('/');
    if (errno != ENOENT || slash == std::string::npos || slash + 1 == path.size() ||
        realpath(path.substr(0, slash + 1).c_str(), space.data()) == nullptr) {
        return std::nullopt;
    }
    return std::string{space.data()} + path.substr(slash);
}

enum class Way {
    kOpen,
    kShut,
    kUnseen,
    kNoFile,  // its folders are open, and it is not there
};

// `grants`: what a folder or the file itself says, seen at that path.
template <class Grants>
Way way_to(const std::string& path, const std::string& root, Grants grants) {
    const auto real = root.empty() ? resolved(path) : std::optional{path};
    if (!real || !real->starts_with('/')) {
        return Way::kUnseen;
    }
    for (std::size_t end = 0; end != std::string::npos;) {
        end = real->find('/', end + 1);
        const std::string step = root + real->substr(0, end);

        struct stat info {};

        if (stat(step.c_str(), &info) < 0) {
            return errno == ENOENT && end == std::string::npos ? Way::kNoFile : Way::kUnseen;
        }
        if (!grants(step, info)) {
            return Way::kShut;
        }
    }
    return Way::kOpen;
}

}  // namespace

bool is_open_to_all(const std::string& path, const std::string& root) {
    const Way way = way_to(path, root, [](const std::string& step, const struct stat& info) {
        return does_grant(step, info, S_ISDIR(info.st_mode) ? kSearch : kRead);
    });
    return way == Way::kOpen || way == Way::kNoFile;
}

bool may_others_read(const std::string& path, const std::string& root) {
    const Way way = way_to(path, root, [](const std::string&, const struct stat& info) {
        return (info.st_mode & (S_ISDIR(info.st_mode) ? kSearch : kRead)) != 0;
    });
    return way != Way::kShut;
}

}  // namespace gatemend::sandbox
