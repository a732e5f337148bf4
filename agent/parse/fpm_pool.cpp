// SPDX-License-Identifier: MIT
#include "parse/fpm_pool.hpp"

#include "core/text.hpp"
#include "parse/address.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <utility>

namespace gatemend::parse {
namespace {

constexpr std::size_t kMaxTextBytes = 1U << 20U;
constexpr std::size_t kMaxLineBytes = 4096;
constexpr std::size_t kMaxValueBytes = 1024;
constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxPools = 1024;
constexpr std::size_t kMaxNotes = 256;

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return result;
}

// A value up to its `;` comment, without quotes; nullopt when a quote stays open, which FPM
// rejects: it reads one line at a time.
std::optional<std::string> read_value(std::string_view text) {
    std::string value;
    std::size_t kept = 0;  // blanks behind this are trailing
    char quote = '\0';
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == '"' && c == '\\' && i + 1 < text.size() &&
            (text[i + 1] == '"' || text[i + 1] == '\\')) {
            value += text[++i];
        } else if (quote != '\0' && c == quote) {
            quote = '\0';
        } else if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        } else if (quote == '\0' && c == ';') {
            break;
        } else {
            value += c;
        }
        if (quote != '\0' || !is_blank(c)) {
            kept = value.size();
        }
    }
    if (quote != '\0') {
        return std::nullopt;
    }
    value.resize(kept);
    return value;
}

std::string expand_pool(std::string value, const std::string& pool) {
    constexpr std::string_view kVariable = "$pool";
    std::size_t at = 0;
    while ((at = value.find(kVariable, at)) != std::string::npos && value.size() < kMaxValueBytes) {
        value.replace(at, kVariable.size(), pool);
        at += pool.size();
    }
    return value;
}

// As FPM's fpm_sockets does: a colon or only digits mean TCP, the port behind the last colon,
// anything else is a path. What listens on every address is given its IPv4 loopback: FPM's IPv6
// wildcard sockets accept IPv4 as well.
std::optional<std::string> canonical_listen(const std::string& value) {
    if (value.starts_with('/')) {
        return unix_socket_address(value);
    }
    const std::size_t colon = value.rfind(':');
    if (colon == std::string::npos) {
        return listen_address(value, 0);
    }
    const std::string host = value.substr(0, colon);
    const std::string port = value.substr(colon);
    if (host.empty() || host == "::" || host == "[::]") {
        return listen_address("*" + port, 0);
    }
    const bool is_bare_ipv6 = host.find(':') != std::string::npos && !host.starts_with('[');
    return listen_address(is_bare_ipv6 ? "[" + host + "]" + port : value, 0);
}

class FpmReader {
  public:
    explicit FpmReader(const std::string& file) : file_(file) {}

    void take_line(std::string_view line, int number);
    void take_dumped(std::string_view line);
    FpmConfig finish();

  private:
    struct Pool {
        std::string name;
        std::string listen;
        int line = 0;
        FpmSettings settings{};
    };

    void take_section(std::string_view name);
    void take_entry(const std::string& key, const std::string& value, int number);
    void take_global(const std::string& key, const std::string& value, int number);
    void take_setting(const std::string& key, const std::string& value, int number);

    // Line 0: the text has none.
    [[nodiscard]] std::string where(int line) const {
        return line == 0 ? file_ : file_ + ":" + std::to_string(line);
    }

    void skip(const std::string& what, int line) {
        if (config_.skipped.size() < kMaxNotes) {
            config_.skipped.push_back(core::sanitize(what + " at " + where(line)));
        }
    }

    const std::string& file_;
    FpmConfig config_;
    std::vector<Pool> pools_;
    std::map<std::string, std::size_t> by_name_;  // names are case-insensitive
    std::optional<std::size_t> pool_;             // nullopt: [global]
};

constexpr std::string_view kPhpValue = "php_value[";
constexpr std::string_view kPhpAdminValue = "php_admin_value[";

// php_value[x] is known as php_admin_value[x].
std::string admin_key(const std::string& key) {
    return key.starts_with(kPhpValue) ? std::string(kPhpAdminValue) + key.substr(kPhpValue.size())
                                      : key;
}

bool is_wanted(const std::string& key) {
    return key == "listen" || key == "error_log" || key == "include" || key == "process.max" ||
           key == "process_control_timeout" || key.starts_with("emergency_restart_") ||
           fpm_setting_from_id(admin_key(key)).has_value();
}

void FpmReader::take_line(std::string_view line, int number) {
    line = trim(line);
    if (line.empty() || line.front() == ';') {
        return;
    }
    if (line.size() > kMaxLineBytes) {
        skip("a line of " + std::to_string(line.size()) + " bytes", number);
        return;
    }
    if (line.front() == '[') {
        const std::size_t end = line.find(']');
        if (end != std::string_view::npos) {
            take_section(trim(line.substr(1, end - 1)));
        }
        return;
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
        return;  // FPM refuses the file; its own test says so better
    }
    const std::string key = lower(trim(line.substr(0, equals)));
    if (!is_wanted(key)) {
        return;
    }
    const auto value = read_value(trim(line.substr(equals + 1)));
    if (!value || value->find("${") != std::string::npos) {
        skip(key + " = " + std::string(trim(line.substr(equals + 1))), number);
        return;
    }
    take_entry(key, *value, number);
}

// `[21-Nov-2026 14:29:57] NOTICE: [www]`, `[…] NOTICE: \tpm.max_children = 5`: the value as it is.
void FpmReader::take_dumped(std::string_view line) {
    constexpr std::string_view kNotice = "NOTICE: ";
    const std::size_t level = line.substr(0, kMaxLineBytes).find(kNotice);
    if (level == std::string_view::npos || line.size() > kMaxLineBytes) {
        return;
    }
    std::string_view text = line.substr(level + kNotice.size());
    while (text.ends_with('\r')) {
        text.remove_suffix(1);
    }
    if (text.starts_with('[') && text.ends_with(']')) {
        take_section(text.substr(1, text.size() - 2));
        return;
    }
    const std::size_t equals = text.find(" = ");
    if (!text.starts_with('\t') || equals == std::string_view::npos) {
        return;
    }
    const std::string key = lower(trim(text.substr(0, equals)));
    const std::string_view value = text.substr(equals + 3);
    if (is_wanted(key) && value != "undefined") {
        take_entry(key, std::string(value), 0);
    }
}

void FpmReader::take_section(std::string_view name) {
    pool_.reset();
    const std::string folded = lower(name);
    if (folded == "global") {
        return;
    }
    if (pools_.size() >= kMaxPools && !by_name_.contains(folded)) {
        return;
    }
    pool_ = by_name_.try_emplace(folded, pools_.size()).first->second;
    if (*pool_ == pools_.size()) {
        Pool pool;
        pool.name = core::sanitize(name, kMaxNameBytes);
        pools_.push_back(std::move(pool));
    }
}

void FpmReader::take_entry(const std::string& key, const std::string& value, int number) {
    if (key == "include") {
        if (config_.includes.size() < kMaxNotes) {
            config_.includes.push_back(value);
        }
    } else if (!pool_) {
        take_global(key, value, number);
    } else if (key == "listen") {
        Pool& pool = pools_[*pool_];
        pool.listen = expand_pool(value, pool.name);
        pool.line = number;
    } else {
        take_setting(key, value, number);
    }
}

void FpmReader::take_global(const std::string& key, const std::string& value, int number) {
    FpmGlobal& global = config_.global;
    const Setting setting{value, where(number)};
    if (key == "error_log") {
        config_.error_log = value;
    } else if (key == "process.max") {
        global.process_max = setting;
    } else if (key == "process_control_timeout") {
        global.process_control_timeout = setting;
    } else if (key == "emergency_restart_threshold") {
        global.emergency_restart_threshold = setting;
    } else if (key == "emergency_restart_interval") {
        global.emergency_restart_interval = setting;
    } else if (key == "rlimit_files") {
        global.rlimit_files = setting;
    }
}

void FpmReader::take_setting(const std::string& key, const std::string& value, int number) {
    const auto setting = fpm_setting_from_id(admin_key(key));
    if (!setting) {
        return;
    }
    Pool& pool = pools_[*pool_];
    // An administrator's value is not overridden, whichever comes first.
    const bool is_weaker = key.starts_with(kPhpValue) && !pool.settings.of(*setting).is_default();
    if (!is_weaker) {
        pool.settings.set(*setting, Setting{expand_pool(value, pool.name), where(number)});
    }
}

FpmConfig FpmReader::finish() {
    for (Pool& pool : pools_) {
        const auto address = canonical_listen(pool.listen);
        if (address) {
            config_.pools.push_back(
                FpmPool{pool.name, *address, where(pool.line), std::move(pool.settings)});
        } else if (!pool.listen.empty()) {
            skip("listen = " + pool.listen, pool.line);
        }
    }
    return std::move(config_);
}

}  // namespace

FpmConfig parse_fpm_config(std::string_view text, const std::string& file) {
    FpmReader reader(file);
    text = text.substr(0, kMaxTextBytes);
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
    }
    int number = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        reader.take_line(text.substr(0, end), ++number);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return reader.finish();
}

FpmConfig parse_fpm_dump(std::string_view output) {
    const std::string name = "php-fpm -tt";
    FpmReader reader(name);
    output = output.substr(0, kMaxTextBytes);
    while (!output.empty()) {
        const std::size_t end = std::min(output.find('\n'), output.size());
        reader.take_dumped(output.substr(0, end));
        output.remove_prefix(std::min(end + 1, output.size()));
    }
    return reader.finish();
}

}  // namespace gatemend::parse
