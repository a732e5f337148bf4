// SPDX-License-Identifier: MIT
// What applications say when the reason is not theirs: words of their database drivers and runtimes
// that mean one thing wherever they stand. Bounded: an application may log its visitor's bytes.
#include "parse/app_readers.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace gatemend::parse {
namespace {

constexpr std::size_t kMaxWordsBytes = 2048;

constexpr auto kDiskFullWords = std::to_array<std::string_view>({
    "No space left on device",
    "errno=28",
    "[Errno 28]",
    "ENOSPC: no space left",
    "Errno::ENOSPC",
});

constexpr auto kDependencyWords = std::to_array<std::string_view>({
    "onnection refused",  // of connect() and of every driver that quotes it
    "ECONNREFUSED",
    "SQLSTATE[HY000] [2002]",
    "SQLSTATE[HY000] [2003]",
    "SQLSTATE[HY000] [2006]",
    "SQLSTATE[HY000] [1040]",
    "SQLSTATE[08004] [1040]",
    "SQLSTATE[08006] [7]",
    "(HY000/2002)",
    "(HY000/2003)",
    "(HY000/1040)",
    "(08004/1040)",
    "server has gone away",
    "Redis server went away",
    "Lost connection to MySQL server",
    "Can't connect to MySQL server",
    "Can't connect to local MySQL server",
    "Can't connect to server on '",
    "Can't connect to local server through socket",
    "Error establishing a database connection",
    "getaddrinfo failed",
    "getaddrinfo for ",
    "getaddrinfo ENOTFOUND",
    "getaddrinfo EAI_AGAIN",
    "connect ETIMEDOUT",
    "connect EHOSTUNREACH",
    "connect ENOENT",
    "could not connect to server",
    "connection to server on socket \"",
    "could not translate host name",
    "Is the server running on",
    "Is the server running locally",
    "ServerSelectionTimeoutError",
    "ServerSelectionError",
    "MongoNetworkError",
    "ConnectionNotEstablished",
    "PG::ConnectionBad",
    "Mysql2::Error::ConnectionError",
    "Redis::CannotConnectError",
    "Error 111 connecting to ",
    "Communications link failure",
    "java.net.ConnectException",
});

template <class Table>
bool has_any(const Table& table, std::string_view words) {
    return std::ranges::any_of(table, [words](std::string_view item) {
        return words.find(item) != std::string_view::npos;
    });
}

}  // namespace

AppTrouble find_trouble(std::string_view words) {
    words = words.substr(0, kMaxWordsBytes);
    if (has_any(kDiskFullWords, words)) {
        return AppTrouble::kDiskFull;
    }
    return has_any(kDependencyWords, words) ? AppTrouble::kDependency : AppTrouble::kNone;
}

bool has_control_bytes(std::string_view text) {
    return std::ranges::any_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
}

}  // namespace gatemend::parse
