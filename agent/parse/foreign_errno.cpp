// SPDX-License-Identifier: MIT
#include "parse/foreign_errno.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace gatemend::parse {
namespace {

constexpr std::array kNumbers = std::to_array<std::pair<int, int>>({
    // FreeBSD, macOS
    {35, 11},
    {48, 98},
    {49, 99},
    {50, 100},
    {51, 101},
    {53, 103},
    {54, 104},
    {55, 105},
    {57, 107},
    {60, 110},
    {61, 111},
    {64, 112},
    {65, 113},
    // Solaris and Linux on MIPS
    {126, 99},
    {127, 100},
    {128, 101},
    {131, 104},
    {145, 110},
    {146, 111},
    {147, 112},
    {148, 113},
    // Windows
    {10013, 13},
    {10022, 22},
    {10024, 24},
    {10035, 11},
    {10048, 98},
    {10049, 99},
    {10050, 100},
    {10051, 101},
    {10053, 103},
    {10054, 104},
    {10055, 105},
    {10057, 107},
    {10060, 110},
    {10061, 111},
    {10064, 112},
    {10065, 113},
});

constexpr std::array kTexts = std::to_array<std::pair<std::string_view, int>>({
    {"Connection refused", 111},
    {"No such file or directory", 2},
    {"Permission denied", 13},
    {"Resource temporarily unavailable", 11},
    {"Connection timed out", 110},
    {"Operation timed out", 110},
    {"Connection reset by peer", 104},
    {"Broken pipe", 32},
    {"No route to host", 113},
    {"Host is unreachable", 113},
    {"Network is unreachable", 101},
    {"Network unreachable", 101},
    {"Cannot assign requested address", 99},
    {"Address not available", 99},
    {"Too many open files", 24},
    {"No file descriptors available", 24},
    {"No space left on device", 28},
});

}  // namespace

int linux_errno(int number) {
    if (number < kNumbers.front().first) {
        return number;  // the same everywhere, and the usual case
    }
    const auto* found = std::ranges::find(kNumbers, number, &std::pair<int, int>::first);
    return found == kNumbers.end() ? number : found->second;
}

int errno_of_text(std::string_view text) {
    const auto* found = std::ranges::find(kTexts, text, &std::pair<std::string_view, int>::first);
    return found == kTexts.end() ? 0 : found->second;
}

}  // namespace gatemend::parse
