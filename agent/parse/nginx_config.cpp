// SPDX-License-Identifier: MIT
#include "parse/nginx_config.hpp"

#include "parse/nginx_config_reader.hpp"
#include "parse/nginx_dump.hpp"

#include <algorithm>

namespace gatemend::parse {
namespace {

constexpr std::size_t kMaxDumpBytes = std::size_t{64} * 1024 * 1024;
// Files are read again in other blocks: in all so many times the dump, and a little.
constexpr std::size_t kReadsPerByte = 8;
constexpr std::size_t kSpareReadBytes = std::size_t{1} * 1024 * 1024;
constexpr int kMaxRounds = 16;

}  // namespace

const UpstreamGroup* NginxConfig::find_group(std::string_view name) const {
    const auto group = std::ranges::find(groups, name, &UpstreamGroup::name);
    return group != groups.end() ? &*group : nullptr;
}

core::Result<NginxConfig> parse_nginx_dump(std::string_view dump_text) {
    if (dump_text.size() > kMaxDumpBytes) {
        return core::Error{"output of nginx -T: larger than 64 MiB"};
    }
    NginxDump dump(dump_text);
    if (dump.files().empty()) {
        return core::Error{"output of nginx -T: it does not begin with a configuration file"};
    }
    ReadBudget budget;
    budget.bytes = kReadsPerByte * dump_text.size() + kSpareReadBytes;
    budget.repeats = budget.bytes / 2;
    for (int round = 1;; ++round) {
        NginxConfigReader reader(dump, budget);
        reader.read();
        if (round == kMaxRounds || !dump.join_first_unreached(reader.is_reached())) {
            return reader.take();
        }
    }
}

}  // namespace gatemend::parse
