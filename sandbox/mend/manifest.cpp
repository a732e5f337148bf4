// SPDX-License-Identifier: MIT
#include "sandbox/mend/manifest.hpp"

#include "sandbox/mend/content.hpp"
#include "sandbox/mend/place.hpp"

#include <charconv>
#include <system_error>

namespace gatemend::mend {
namespace {

using core::Error;
using core::Result;

constexpr std::string_view kFirstLine = "gatemend-snapshot 1";
constexpr std::string_view kLastLine = "end";
constexpr std::string_view kNoFile = "-";

std::string_view take_word(std::string_view& line) {
    const std::size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    return word;
}

template <class T>
bool take_number(std::string_view& line, T& number) {
    const std::string_view word = take_word(line);
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    return error == std::errc{} && end == word.data() + word.size();
}

std::string take_digest(std::string_view& line) {
    const std::string_view word = take_word(line);
    return word == kNoFile ? std::string{} : std::string{word};
}

std::string or_none(const std::string& digest) {
    return digest.empty() ? std::string{kNoFile} : digest;
}

// BEFORE AFTER SECONDS NANOSECONDS MAKES_FOLDER PATH
bool read_file_line(std::string_view line, Manifest& manifest) {
    SavedFile file;
    file.change.before = take_digest(line);
    file.change.after = take_digest(line);
    int makes_folder = 0;
    if (!take_number(line, file.seconds) || !take_number(line, file.nanoseconds) ||
        !take_number(line, makes_folder) || !line.starts_with('/')) {
        return false;
    }
    file.makes_folder = makes_folder == 1;
    file.change.path = line;
    manifest.files.push_back(std::move(file));
    return true;
}

// COOKIE DEVICE INODE MODE UID GID UID GID PATH
bool read_socket_line(std::string_view line, Manifest& manifest) {
    SocketEdit edit;
    if (!take_number(line, edit.cookie) || !take_number(line, edit.device) ||
        !take_number(line, edit.inode) || !take_number(line, edit.mode) ||
        !take_number(line, edit.before.uid) || !take_number(line, edit.before.gid) ||
        !take_number(line, edit.after.uid) || !take_number(line, edit.after.gid) ||
        !line.starts_with('/')) {
        return false;
    }
    edit.path = line;
    manifest.socket = std::move(edit);
    return true;
}

}  // namespace

std::string old_name(std::size_t index) {
    return std::to_string(index) + ".old";
}

std::string new_name(std::size_t index) {
    return std::to_string(index) + ".new";
}

std::string manifest_text(const Manifest& manifest) {
    std::string text = std::string{kFirstLine} + "\n";
    for (const SavedFile& file : manifest.files) {
        text += "file " + or_none(file.change.before) + " " + or_none(file.change.after) + " " +
                std::to_string(file.seconds) + " " + std::to_string(file.nanoseconds) + " " +
                (file.makes_folder ? "1 " : "0 ") + file.change.path + "\n";
    }
    if (manifest.socket) {
        text += "listener";
        for (const std::uint64_t number :
             std::initializer_list<std::uint64_t>{manifest.socket->cookie,
                                                  manifest.socket->device,
                                                  manifest.socket->inode,
                                                  manifest.socket->mode,
                                                  manifest.socket->before.uid,
                                                  manifest.socket->before.gid,
                                                  manifest.socket->after.uid,
                                                  manifest.socket->after.gid}) {
            text += " " + std::to_string(number);
        }
        text += " " + manifest.socket->path + "\n";
    }
    return text + std::string{kLastLine} + "\n";
}

Result<Manifest> parse_manifest(std::string_view text) {
    Manifest manifest;
    bool is_first = true;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) {
            break;
        }
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (std::exchange(is_first, false)) {
            if (line != kFirstLine) {
                return Error{"of another kind"};
            }
            continue;
        }
        if (line == kLastLine && text.empty()) {
            return manifest;
        }
        const std::string_view word = take_word(line);
        if (!(word == "file" && read_file_line(line, manifest)) &&
            !(word == "listener" && read_socket_line(line, manifest))) {
            return Error{"not understood"};
        }
    }
    return Error{"without its end"};
}

Result<std::optional<Manifest>> load_manifest(const Machine& machine, const std::string& folder) {
    GATEMEND_TRY(own, find_place(machine, folder));
    if (!own.is_there) {
        return std::optional<Manifest>{};
    }
    GATEMEND_TRY(place, find_place(machine, folder + "/" + kManifestName));
    GATEMEND_TRY(content, find_content(machine, place));
    if (!content) {
        return std::optional<Manifest>{};
    }
    auto manifest = parse_manifest(content->bytes);
    if (!manifest) {
        return manifest.error().within(place.path);
    }
    return std::optional{std::move(*manifest)};
}

}  // namespace gatemend::mend
