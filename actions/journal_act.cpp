// SPDX-License-Identifier: MIT
// vacuum-journal: has journalctl delete archived journal files down to a floor. Archived files
// first, for a rotation needs room that a full disk does not have; then, where that lets more go,
// a rotation and once more.
//
// Told in numbers of files (--vacuum-files), not in bytes: whether --vacuum-size counts active
// files differs between versions of systemd, and active files grow while we count.
#include "actions/journal_files.hpp"
#include "actions/tool_acts.hpp"
#include "core/bytes.hpp"
#include "core/one_line.hpp"
#include "core/text.hpp"
#include "sandbox/bus/event_loop.hpp"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

namespace gatemend::actions {
namespace {

using core::ActOutcome;
using core::Result;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxWordsBytes = std::size_t{4} * 1024;
// What systemd and we need to notice that a tool's time is over.
constexpr core::Duration kMargin = std::chrono::seconds{4};

std::uint64_t number_of(const Plan& plan, const std::string& name) {
    std::uint64_t number = 0;
    if (const auto found = plan.parameters.find(name); found != plan.parameters.end()) {
        const std::string& text = found->second;
        (void)std::from_chars(text.data(), text.data() + text.size(), number);
    }
    return number;
}

JournalFloor floor_of(const Plan& plan) {
    return {
        .bytes = number_of(plan, "keep_bytes"),
        .age = std::chrono::seconds{static_cast<std::int64_t>(number_of(plan, "keep_seconds"))}};
}

// By folder; folders that are not there are not in it.
using Journals = std::map<std::string, std::vector<JournalFile>>;

Result<Journals> look(const JournalPlaces& places) {
    constexpr std::size_t kIdDigits = 32;
    std::string id;
    std::ifstream{places.machine_id} >> id;
    const bool is_id = id.size() == kIdDigits && std::ranges::all_of(id, [](char c) {
                           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                       });
    if (!is_id) {
        return core::Error{places.machine_id + " names no machine"};
    }
    Journals journals;
    for (const std::string& root : places.roots) {
        std::string folder = root;
        folder.append("/").append(id);
        if (access(folder.c_str(), F_OK) == 0) {
            GATEMEND_TRY(files, read_journal_folder(folder));
            journals.emplace(folder, std::move(files));
        }
    }
    return journals;
}

core::Result<DiskRoom> room_at(const std::string& path) {
    struct statvfs info {};

    if (statvfs(path.c_str(), &info) < 0) {
        return core::Error{"look at the file system of " + path + ": " +
                           std::generic_category().message(errno)};
    }
    return DiskRoom{.bytes = static_cast<std::uint64_t>(info.f_blocks) * info.f_frsize,
                    .free = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize};
}

// As good as full: less than a hundredth, or than a service needs for its next file, is left.
bool is_short(const DiskRoom& room) {
    constexpr std::uint64_t kLeast = std::uint64_t{1024} * 1024;
    constexpr std::uint64_t kShare = 100;
    return room.free < std::max(kLeast, room.bytes / kShare);
}

// The one that the plan names, if it is a journal's.
JournalPlaces places_of(const Plan& plan, JournalPlaces places) {
    const auto named = plan.parameters.find("journal");
    std::erase_if(places.roots, [&](const std::string& root) {
        return named == plan.parameters.end() || root != named->second;
    });
    return places;
}

struct Sum {
    std::uint64_t bytes = 0;
    std::string oldest = "none";
    core::TimePoint oldest_time = core::TimePoint::max();
};

Sum sum_of(const Journals& journals) {
    Sum sum;
    for (const auto& [folder, files] : journals) {
        sum.bytes += total_bytes(files);
        const JournalFile* oldest = find_oldest(files);
        if (oldest != nullptr && oldest->oldest.time < sum.oldest_time) {
            sum.oldest_time = oldest->oldest.time;
            sum.oldest = cursor_text(oldest->oldest);
        }
    }
    return sum;
}

// One performance of the act: what is left to do is looked up anew after every tool.
class Vacuuming : public std::enable_shared_from_this<Vacuuming> {
  public:
    Vacuuming(const Hands& hands, const Plan& plan, JournalPlaces places, ActDone done)
        : tools_(hands.tools),
          floor_(floor_of(plan)),
          places_(std::move(places)),
          until_(Clock::now() + plan.deadline - kMargin),
          done_(std::move(done)) {}

    void begin() {
        const auto journals = look(places_);
        if (!journals) {
            fail("nothing was done: " + journals.error().text);
            return;
        }
        before_ = sum_of(*journals);
        go_on(*journals);
    }

  private:
    void go_on(const Journals& journals) {
        for (const auto& [folder, files] : journals) {
            const VacuumPlan plan = plan_vacuum(files, floor_, bus::wall_clock());
            if (plan.gone > 0 && vacuumed_.insert(folder).second) {
                vacuum(folder, plan.files_to_keep);
                return;
            }
        }
        const auto is_worthwhile = [this](const auto& entry) {
            return is_rotation_worthwhile(entry.second, floor_, bus::wall_clock());
        };
        if (!has_rotated_ && std::ranges::any_of(journals, is_worthwhile)) {
            has_rotated_ = true;
            vacuumed_.clear();
            run({"--rotate"}, {});
            return;
        }
        end(journals);
    }

    void vacuum(const std::string& folder, std::size_t files_to_keep) {
        run({"--directory=" + folder, "--vacuum-files=" + std::to_string(files_to_keep)}, {folder});
    }

    void run(std::vector<std::string> arguments, std::vector<std::string> writable) {
        const auto left = std::chrono::duration_cast<core::Duration>(until_ - Clock::now());
        if (left <= core::Duration::zero()) {
            fail("its time was over before all was done; " + words());
            return;
        }
        sandbox::ToolSpec spec;
        spec.profile = sandbox::ToolProfile::kJournal;
        spec.argv = {places_.tool};
        spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
        spec.deadline = left;
        spec.max_output = kMaxWordsBytes;
        spec.writable = std::move(writable);
        is_used_ = true;
        tools_.run(spec, [self = shared_from_this()](const Result<sandbox::ToolOutcome>& outcome) {
            self->on_ended(outcome);
        });
    }

    void on_ended(const Result<sandbox::ToolOutcome>& outcome) {
        if (!outcome) {
            fail("journalctl: " + core::sanitize(outcome.error().text) + "; " + words());
        } else if (outcome->is_timed_out) {
            // It unlinks whole files, one after the other: there is no half-done.
            fail("journalctl did not finish in time, which does no harm; " + words());
        } else if (outcome->exit_code != 0) {
            fail("journalctl failed: " + core::sanitize(core::one_line(outcome->err)) + "; " +
                 words());
        } else if (const auto journals = look(places_)) {
            go_on(*journals);
        } else {
            fail(journals.error().text);
        }
    }

    // "journal 812 MiB -> 256 MiB; oldest entry was s=..., is s=..."
    [[nodiscard]] std::string words() const {
        const auto journals = look(places_);
        return journals ? words(sum_of(*journals)) : "the journal cannot be looked at now";
    }

    [[nodiscard]] std::string words(const Sum& after) const {
        return places_.roots.front() + ": journal " + core::format_bytes(before_.bytes) + " -> " +
               core::format_bytes(after.bytes) + " (" + std::to_string(before_.bytes) + " -> " +
               std::to_string(after.bytes) + " bytes); oldest entry was " + before_.oldest +
               ", is " + after.oldest + "; kept: " + core::format_bytes(floor_.bytes) +
               " at least, and what is younger than " + core::format_duration(floor_.age);
    }

    void end(const Journals& journals) {
        const Sum after = sum_of(journals);
        if (!is_used_) {
            fail("nothing was done: nothing to vacuum above the floor of " +
                 core::format_bytes(floor_.bytes) + " and " + core::format_duration(floor_.age) +
                 "; journal " + core::format_bytes(after.bytes));
        } else if (after.bytes >= before_.bytes) {
            fail("the journal is not smaller; " + words(after));
        } else {
            std::exchange(done_, nullptr)({ActOutcome::kSucceeded, words(after)});
        }
    }

    void fail(std::string detail) {
        std::exchange(done_, nullptr)({ActOutcome::kFailed, std::move(detail)});
    }

    sandbox::ToolRunner& tools_;
    JournalFloor floor_;
    JournalPlaces places_;
    Clock::time_point until_;
    ActDone done_;
    Sum before_;
    std::set<std::string> vacuumed_;
    bool has_rotated_ = false;
    bool is_used_ = false;
};

}  // namespace

std::optional<std::string> VacuumJournal::find_unmet(const Plan& plan) const {
    const JournalPlaces places = places_of(plan, places_);
    if (places.roots.empty()) {
        return "no journal is kept in the folder that the plan names";
    }
    const std::string& root = places.roots.front();
    const auto room = places.room_at ? places.room_at(root) : room_at(root);
    if (!room) {
        return core::sanitize(room.error().text);
    }
    if (!is_short(*room)) {
        return "the journal in " + root +
               " does not lie on a full disk: " + core::format_bytes(room->free) + " of " +
               core::format_bytes(room->bytes) + " are free there";
    }
    const auto journals = look(places);
    if (!journals) {
        return core::sanitize(journals.error().text);
    }
    const JournalFloor floor = floor_of(plan);
    const auto is_worthwhile = [&floor](const auto& entry) {
        return plan_vacuum(entry.second, floor, bus::wall_clock()).gone > 0 ||
               is_rotation_worthwhile(entry.second, floor, bus::wall_clock());
    };
    if (std::ranges::none_of(*journals, is_worthwhile)) {
        return "nothing to vacuum above the floor of " + core::format_bytes(floor.bytes) + " and " +
               core::format_duration(floor.age) + "; journal " +
               core::format_bytes(sum_of(*journals).bytes);
    }
    return std::nullopt;
}

std::optional<std::string> VacuumJournal::find_obstacle(const core::UnitState& /*state*/) const {
    return std::nullopt;  // journalctl deletes as well while the journal daemon is down
}

void VacuumJournal::perform(const Hands& hands, const Task& task, ActDone done) const {
    JournalPlaces places = places_of(task.plan, places_);
    if (places.roots.empty()) {
        done({ActOutcome::kFailed, "no journal is kept in the folder that the plan names"});
        return;
    }
    std::make_shared<Vacuuming>(hands, task.plan, std::move(places), std::move(done))->begin();
}

bool VacuumJournal::is_fulfilled(const Plan& /*plan*/, const core::UnitState& /*state*/) const {
    return true;  // perform() has looked at the files
}

}  // namespace gatemend::actions
