// SPDX-License-Identifier: MIT
#include "io/cursor_store.hpp"

#include "io/small_file.hpp"
#include "sandbox/bus/replace_file.hpp"

#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <utility>

namespace gatemend::io {

namespace {

using nlohmann::json;

// Numbers only: anything else means that the file is not ours.
std::optional<LogCursor> decode_cursor(const json& item) {
    if (!item.is_object()) {
        return std::nullopt;
    }
    const auto number = [&item](const char* key) -> std::optional<std::uint64_t> {
        const auto found = item.find(key);
        if (found == item.end() || !found->is_number_unsigned()) {
            return std::nullopt;
        }
        return found->get<std::uint64_t>();
    };
    const auto device = number("device");
    const auto inode = number("inode");
    const auto offset = number("offset");
    const auto fingerprint = number("fingerprint");
    const auto bytes = number("fingerprint_bytes");
    if (!device || !inode || !offset || !fingerprint || !bytes || *bytes > kFingerprintBytes) {
        return std::nullopt;
    }
    return LogCursor{.device = *device,
                     .inode = *inode,
                     .offset = *offset,
                     .fingerprint = *fingerprint,
                     .fingerprint_bytes = static_cast<std::uint32_t>(*bytes)};
}

}  // namespace

std::string encode_cursors(const Cursors& cursors) {
    json document = json::object();
    for (const auto& [path, cursor] : cursors) {
        document[path] = {{"device", cursor.device},
                          {"inode", cursor.inode},
                          {"offset", cursor.offset},
                          {"fingerprint", cursor.fingerprint},
                          {"fingerprint_bytes", cursor.fingerprint_bytes}};
    }
    return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::optional<Cursors> decode_cursors(std::string_view text) {
    const json document = json::parse(text, nullptr, false);
    if (!document.is_object()) {
        return std::nullopt;
    }
    Cursors cursors;
    for (const auto& [path, item] : document.items()) {
        const auto cursor = decode_cursor(item);
        if (!cursor) {
            return std::nullopt;
        }
        cursors.emplace(path, *cursor);
    }
    return cursors;
}

CursorStore::CursorStore(bus::EventLoop& loop,
                         std::string path,
                         std::function<Cursors()> collect,
                         std::function<void(const core::Error&)> on_error)
    : loop_(loop),
      path_(std::move(path)),
      collect_(std::move(collect)),
      on_error_(std::move(on_error)) {}

Cursors CursorStore::load() const {
    struct stat info {};

    if (::stat(path_.c_str(), &info) != 0) {
        return {};  // the first start
    }
    const auto text = read_small_file(path_, kMaxCursorFile);
    if (!text) {
        on_error_(text.error());
        return {};
    }
    auto cursors = decode_cursors(*text);
    if (!cursors) {
        on_error_(core::Error{"read '" + path_ + "': not a cursor file"});
        return {};
    }
    return std::move(*cursors);
}

void CursorStore::touch() {
    if (!timer_.is_set()) {
        timer_ = loop_.add_timer(kSaveInterval, [this] { flush(); });
    }
}

void CursorStore::flush() {
    if (!timer_.is_set()) {
        return;
    }
    timer_.reset();
    if (const auto saved = bus::replace_file(path_, encode_cursors(collect_())); !saved) {
        on_error_(saved.error());
    }
}

}  // namespace gatemend::io
