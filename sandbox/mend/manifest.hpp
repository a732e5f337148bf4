// SPDX-License-Identifier: MIT
// What a snapshot holds, as text in its file `manifest`. It is written last and removed first: a
// snapshot with one is complete, one without was never begun to be used.
#pragma once

#include "actions/catalogue.hpp"
#include "core/result.hpp"
#include "sandbox/mend/machine.hpp"
#include "sandbox/mend/socket_owner.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::mend {

struct SavedFile {
    actions::FileChange change;
    std::int64_t seconds = 0;  // when it was last changed before us; undo gives that back
    std::int64_t nanoseconds = 0;
    bool makes_folder = false;  // the folder it is in is made for it

    friend bool operator==(const SavedFile&, const SavedFile&) = default;
};

struct Manifest {
    std::vector<SavedFile> files{};
    std::optional<SocketEdit> socket{};
};

inline constexpr const char* kManifestName = "manifest";

// Of the file's old and new content, in the snapshot's folder.
[[nodiscard]] std::string old_name(std::size_t index);
[[nodiscard]] std::string new_name(std::size_t index);

[[nodiscard]] std::string manifest_text(const Manifest& manifest);
[[nodiscard]] core::Result<Manifest> parse_manifest(std::string_view text);

// nullopt: the folder or the manifest is not there.
[[nodiscard]] core::Result<std::optional<Manifest>> load_manifest(const Machine& machine,
                                                                  const std::string& folder);

}  // namespace gatemend::mend
