// SPDX-License-Identifier: MIT
#include "core/config_test.hpp"

#include "core/closed_set.hpp"

namespace gatemend::core {

std::string_view config_verdict_id(ConfigVerdict value) {
    switch (value) {
        case ConfigVerdict::kUnknown:
            return "unknown";
        case ConfigVerdict::kValid:
            return "valid";
        case ConfigVerdict::kInvalid:
            return "invalid";
    }
    return "?";
}

std::optional<ConfigVerdict> config_verdict_from_id(std::string_view id) {
    return find_by_id(id, ConfigVerdict::kInvalid, config_verdict_id);
}

std::string describe(const ConfigTest& test) {
    if (test.file.empty()) {
        return test.message;
    }
    const std::string place =
        test.line > 0 ? test.file + ":" + std::to_string(test.line) : test.file;
    return place + ": " + test.message;
}

}  // namespace gatemend::core
