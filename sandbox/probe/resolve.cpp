// SPDX-License-Identifier: MIT
#include "sandbox/probe/resolve.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <set>
#include <utility>

namespace gatemend::probe {
namespace {

using core::ProbeOutcome;
using core::ProbeResult;

struct FreeList {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

std::string numeric(const addrinfo& entry) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* address = nullptr;
    if (entry.ai_family == AF_INET) {
        address = &reinterpret_cast<const sockaddr_in*>(entry.ai_addr)->sin_addr;
    } else if (entry.ai_family == AF_INET6) {
        address = &reinterpret_cast<const sockaddr_in6*>(entry.ai_addr)->sin6_addr;
    }
    if (address == nullptr ||
        inet_ntop(entry.ai_family, address, text.data(), text.size()) == nullptr) {
        return "";
    }
    return text.data();
}

ProbeResult classify(int code, int error_number) {
    switch (code) {
        case EAI_MEMORY:
        case EAI_SYSTEM:
            return {.outcome = ProbeOutcome::kUnknown, .error_number = error_number};
        case EAI_AGAIN:
        case EAI_FAIL:
            return {.outcome = ProbeOutcome::kUnresolved, .error_number = EAGAIN};
        default:
            return {.outcome = ProbeOutcome::kUnresolved};
    }
}

}  // namespace

ProbeResult resolve(const std::string& name) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;  // as nginx: no IPv6 addresses on a machine without IPv6
    addrinfo* found = nullptr;
    const int code = getaddrinfo(name.c_str(), nullptr, &hints, &found);
    if (code != 0) {
        return classify(code, errno);
    }
    const std::unique_ptr<addrinfo, FreeList> list{found};
    std::set<std::string> addresses;  // sorted, and each once
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
        if (std::string text = numeric(*entry);
            !text.empty() && addresses.size() < core::kMaxResolvedAddresses) {
            addresses.insert(std::move(text));
        }
    }
    if (addresses.empty()) {
        return {.outcome = ProbeOutcome::kUnresolved};
    }
    return {.outcome = ProbeOutcome::kGood, .addresses = {addresses.begin(), addresses.end()}};
}

}  // namespace gatemend::probe
