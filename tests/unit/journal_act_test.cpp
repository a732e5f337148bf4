// SPDX-License-Identifier: MIT
// vacuum-journal: which files may go (pure, also against random journals), how folders are read,
// and the act with a journalctl that does as the real one.
#include "actions/journal_files.hpp"
#include "actions/tool_acts.hpp"
#include "executor_fakes.hpp"
#include "temp_dir.hpp"

#include <gtest/gtest.h>

#include <endian.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

namespace gatemend::actions {
namespace {

namespace fs = std::filesystem;
using core::TimePoint;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kMiB = std::uint64_t{1024} * 1024;
const TimePoint kNow{std::chrono::seconds{1'795'000'000}};
const std::string kChain(32, 'c');

JournalFile archived(std::uint64_t number, core::Duration age, std::uint64_t bytes = 8 * kMiB) {
    JournalFile file;
    file.name = "system@" + std::to_string(number);
    file.bytes = bytes;
    file.is_archived = true;
    file.newest = kNow - age;
    file.oldest = {kChain, number, file.newest - minutes{10}};
    file.begun = file.oldest.time;
    return file;
}

JournalFile active(core::Duration age = {}, std::uint64_t bytes = 8 * kMiB) {
    JournalFile file = archived(1'000'000, age, bytes);
    file.name = "system.journal";
    file.is_archived = false;
    return file;
}

TEST(PlanVacuum, TakesTheOldestWhileBothFloorsHold) {
    const std::vector<JournalFile> files{
        archived(3, hours{3}), archived(1, hours{5}), archived(2, hours{4}), active()};
    const auto all = plan_vacuum(files, {.bytes = 0, .age = hours{1}}, kNow);
    EXPECT_EQ(all.gone, 3U);
    EXPECT_EQ(all.bytes, 24 * kMiB);
    EXPECT_EQ(all.files_to_keep, 1U);
    EXPECT_EQ(plan_vacuum(files, {.bytes = 16 * kMiB, .age = hours{1}}, kNow).gone, 2U);
    EXPECT_EQ(plan_vacuum(files, {.bytes = 16 * kMiB + 1, .age = hours{1}}, kNow).gone, 1U);
    EXPECT_EQ(plan_vacuum(files, {.bytes = 0, .age = hours{4}}, kNow).gone, 1U)
        << "four hours old is not older than four hours";
    EXPECT_EQ(plan_vacuum(files, {.bytes = 33 * kMiB, .age = hours{1}}, kNow).gone, 0U);
    EXPECT_EQ(plan_vacuum({}, {.bytes = 0, .age = hours{1}}, kNow).gone, 0U);
}

TEST(PlanVacuum, NeverAsksForNoLimitAtAll) {
    const auto plan =
        plan_vacuum({archived(1, hours{5}), archived(2, hours{4})}, {.bytes = 0, .age = {}}, kNow);
    EXPECT_EQ(plan.gone, 1U);
    EXPECT_EQ(plan.files_to_keep, 1U);
}

TEST(PlanVacuum, LeavesFilesWhoseOrderNobodyKnows) {
    JournalFile other = archived(5, hours{9});
    other.oldest.chain = std::string(32, 'd');
    JournalFile set_back = archived(9, hours{8});  // a higher number at an earlier time
    const std::vector<JournalFile> files{archived(1, hours{4}), set_back, other, active()};
    EXPECT_EQ(plan_vacuum(files, {.bytes = 0, .age = hours{1}}, kNow).gone, 0U);
    const std::vector<JournalFile> clear{archived(9, hours{4}), archived(1, hours{8}), other};
    EXPECT_EQ(plan_vacuum(clear, {.bytes = 0, .age = hours{1}}, kNow).gone, 2U);
}

TEST(PlanVacuum, KeepsTheFloorsOfAnyJournal) {
    std::mt19937 random{20};
    const auto pick = [&random](std::int64_t below) {
        return std::uniform_int_distribution<std::int64_t>{0, below - 1}(random);
    };
    for (int round = 0; round < 5000; ++round) {
        std::vector<JournalFile> files;
        for (std::int64_t i = pick(8); i > 0; --i) {
            files.push_back(archived(static_cast<std::uint64_t>(pick(50)),
                                     minutes{pick(600) - 30},
                                     static_cast<std::uint64_t>(pick(64)) * kMiB));
            files.back().is_archived = pick(4) != 0;
            files.back().oldest.chain = pick(6) == 0 ? "" : kChain;
        }
        const JournalFloor floor{.bytes = static_cast<std::uint64_t>(pick(300)) * kMiB,
                                 .age = minutes{pick(300)}};
        const auto plan = plan_vacuum(files, floor, kNow);
        const auto files_old_enough = std::ranges::count_if(files, [&](const JournalFile& file) {
            return file.is_archived && file.newest < kNow - floor.age;
        });
        ASSERT_LE(plan.gone, static_cast<std::size_t>(files_old_enough));
        ASSERT_LE(plan.bytes, total_bytes(files));
        if (plan.gone > 0) {
            ASSERT_GE(total_bytes(files) - plan.bytes, floor.bytes);
            ASSERT_EQ(plan.files_to_keep, files.size() - plan.gone);
        }
        ASSERT_GE(plan.files_to_keep, 1U);
    }
}

TEST(PlanVacuum, RotatesOnlyWhereThatLetsMoreGo) {
    const JournalFloor floor{.bytes = 8 * kMiB, .age = hours{1}};
    EXPECT_TRUE(is_rotation_worthwhile({active(hours{2}, 100 * kMiB), active()}, floor, kNow));
    EXPECT_FALSE(is_rotation_worthwhile({active(minutes{2}, 100 * kMiB)}, floor, kNow));
    EXPECT_FALSE(is_rotation_worthwhile({active(hours{2}, 12 * kMiB), active()}, floor, kNow))
        << "the new files would take as much as goes";
    EXPECT_FALSE(is_rotation_worthwhile({}, floor, kNow));
}

TEST(JournalNames, AreReadAsJournaldWritesThem) {
    const auto file =
        read_journal_name("system@" + kChain + "-000000000000002a-00065e0b1f2a3b4c" + ".journal");
    ASSERT_TRUE(file);
    EXPECT_TRUE(file->is_archived);
    EXPECT_EQ(cursor_text(file->oldest), "s=" + kChain + ";i=2a;t=65e0b1f2a3b4c");
    const auto broken = read_journal_name("user-1000@00065e0b1f2a3b4c-0123456789abcdef.journal~");
    ASSERT_TRUE(broken);
    EXPECT_TRUE(broken->is_archived);
    EXPECT_EQ(cursor_text(broken->oldest), "t=65e0b1f2a3b4c");
    for (const std::string& name :
         {std::string{"system.journal"},
          std::string{"system@.journal"},
          "system@" + kChain + "-2a-65.journal",
          "@" + kChain + "-000000000000002a-00065e0b1f2a3b4c.journal",
          "system-" + kChain + "-000000000000002a-00065e0b1f2a3b4c" + ".journal",
          std::string{"x@zz.journal~"}}) {
        const auto active_file = read_journal_name(name);
        ASSERT_TRUE(active_file) << name;
        EXPECT_FALSE(active_file->is_archived) << name;
    }
    EXPECT_FALSE(read_journal_name("system.journal.bak"));
    EXPECT_FALSE(read_journal_name(".."));
    EXPECT_FALSE(read_journal_name(""));
}

// Journal files on disk, with heads as journald writes them, and a journalctl that knows
// --vacuum-files as the real one does.
class JournalOnDisk : public testing::Test {
  protected:
    JournalOnDisk() {
        const std::string id(32, 'e');
        folder_ = root_ / ("log/" + id);
        fs::create_directories(folder_);
        test::overwrite(root_ / "machine-id", id + "\n");
        tools_.on_run = [this](const sandbox::ToolSpec& spec) { run_journalctl(spec); };
    }

    static void put(std::string& head, std::size_t at, std::uint64_t number) {
        number = htole64(number);
        std::memcpy(head.data() + at, &number, sizeof number);
    }

    static std::uint64_t usec(TimePoint time) {
        return static_cast<std::uint64_t>(time.time_since_epoch().count());
    }

    std::string add(std::uint64_t number, core::Duration age, std::size_t bytes, bool is_active) {
        constexpr std::size_t kHeadBytes = 272;
        const TimePoint newest = real_now() - age;
        const TimePoint oldest = newest - minutes{10};
        std::string text(std::max(bytes, kHeadBytes), 'x');
        text.replace(0, kHeadBytes, std::string(kHeadBytes, '\0'));
        text.replace(0, 8, "LPKSHHRH");
        text.replace(72, 16, std::string(16, '\xCC'));
        put(text, 152, 3);
        put(text, 168, number);
        put(text, 184, usec(oldest));
        put(text, 192, usec(newest));
        std::array<char, 96> name{};
        (void)snprintf(name.data(),
                       name.size(),
                       "system@%s-%016llx-%016llx.journal",
                       kChain.c_str(),
                       static_cast<unsigned long long>(number),
                       static_cast<unsigned long long>(usec(oldest)));
        std::string path = folder_ + "/" + (is_active ? "system.journal" : name.data());
        test::overwrite(path, text);
        return path;
    }

    static TimePoint real_now() {
        return std::chrono::time_point_cast<core::Duration>(std::chrono::system_clock::now());
    }

    void run_journalctl(const sandbox::ToolSpec& spec) {
        constexpr std::string_view kOption = "--vacuum-files=";
        for (const std::string& word : spec.argv) {
            if (!word.starts_with(kOption) || !is_working_) {
                continue;
            }
            std::vector<std::string> old;
            std::size_t all = 0;
            for (const auto& entry : fs::directory_iterator(folder_)) {
                ++all;
                if (entry.path().filename() != "system.journal") {
                    old.push_back(entry.path());
                }
            }
            std::ranges::sort(old);
            const std::size_t most = std::stoul(word.substr(kOption.size()));
            for (std::size_t i = 0; i < old.size() && all > most; ++i, --all) {
                fs::remove(old[i]);
            }
        }
    }

    Task task_of(std::uint64_t keep_bytes, std::int64_t keep_seconds) const {
        Task task;
        task.plan.act = ActId::kVacuumJournal;
        task.plan.unit = kJournalUnit;
        task.plan.deadline = seconds{30};
        task.plan.parameters = {{"journal", root_ / "log"},
                                {"keep_bytes", std::to_string(keep_bytes)},
                                {"keep_seconds", std::to_string(keep_seconds)}};
        return task;
    }

    VacuumJournal make_act() {
        return VacuumJournal{{.machine_id = root_ / "machine-id",
                              .roots = {root_ / "log", root_ / "none"},
                              .tool = "/usr/bin/journalctl",
                              .room_at = [this](const std::string&) { return room_; }}};
    }

    ActReport vacuum(std::uint64_t keep_bytes, std::int64_t keep_seconds) {
        const Task task = task_of(keep_bytes, keep_seconds);
        const VacuumJournal act = make_act();
        std::optional<ActReport> report;
        act.perform(Hands{systemd_, tools_, facts_, mender_}, task, [&](ActReport given) {
            EXPECT_FALSE(report) << "answered twice";
            report = std::move(given);
        });
        return report.value();
    }

    test::TempDir root_;
    std::string folder_;
    bool is_working_ = true;
    DiskRoom room_{.bytes = 400 * kMiB, .free = 0};
    sandbox::FakeSystemd systemd_;
    sandbox::FakeTools tools_;
    sandbox::FakeFacts facts_;
    sandbox::FakeMender mender_;
};

TEST_F(JournalOnDisk, GoesDownToTheFloorAndSaysWhatWasLost) {
    const std::string first = add(1, hours{5}, kMiB, false);
    const std::string second = add(2, hours{4}, kMiB, false);
    const std::string third = add(3, hours{3}, kMiB, false);
    const std::string live = add(4, seconds{0}, kMiB, true);
    const ActReport report = vacuum(2 * kMiB, 3600);
    EXPECT_EQ(report.outcome, core::ActOutcome::kSucceeded) << report.detail;
    EXPECT_FALSE(fs::exists(first));
    EXPECT_FALSE(fs::exists(second));
    EXPECT_TRUE(fs::exists(third));
    EXPECT_TRUE(fs::exists(live));
    ASSERT_EQ(tools_.runs.size(), 1U);
    EXPECT_EQ(tools_.specs[0].writable, std::vector{folder_});
    EXPECT_NE(report.detail.find("oldest entry was s=" + kChain + ";i=1;t="), std::string::npos)
        << report.detail;
    EXPECT_NE(report.detail.find(", is s=" + kChain + ";i=3;t="), std::string::npos);
    EXPECT_NE(report.detail.find("journal 4 MiB -> 2 MiB"), std::string::npos) << report.detail;
}

TEST_F(JournalOnDisk, BelowTheFloorNothingIsRun) {
    add(1, hours{5}, kMiB, false);
    add(2, seconds{0}, kMiB, true);
    const ActReport by_size = vacuum(2 * kMiB, 1);
    EXPECT_EQ(by_size.outcome, core::ActOutcome::kFailed);
    EXPECT_NE(by_size.detail.find("nothing to vacuum above the floor"), std::string::npos);
    EXPECT_EQ(vacuum(1, 21'600).outcome, core::ActOutcome::kFailed);
    EXPECT_TRUE(tools_.runs.empty());
}

TEST_F(JournalOnDisk, RotatesWhereOnlyActiveFilesAreOldAndLarge) {
    add(1, hours{5}, 40 * kMiB, true);
    tools_.on_run = [this](const sandbox::ToolSpec& spec) {
        if (spec.argv.back() == "--rotate") {
            EXPECT_TRUE(spec.writable.empty()) << "the journal daemon does it";
            fs::remove(folder_ + "/system.journal");
            add(1, hours{5}, 40 * kMiB, false);
            add(2, seconds{0}, kMiB, true);
        }
        run_journalctl(spec);
    };
    const ActReport report = vacuum(kMiB, 3600);
    EXPECT_EQ(report.outcome, core::ActOutcome::kSucceeded) << report.detail;
    ASSERT_EQ(tools_.runs.size(), 2U);
    EXPECT_EQ(tools_.runs[0].back(), "--rotate");
    EXPECT_EQ(tools_.runs[1].back(), "--vacuum-files=1");
}

TEST_F(JournalOnDisk, AJournalctlThatDoesNothingEndsInFailure) {
    add(1, hours{5}, kMiB, false);
    add(2, seconds{0}, kMiB, true);
    is_working_ = false;
    const ActReport report = vacuum(1, 1);
    EXPECT_EQ(report.outcome, core::ActOutcome::kFailed);
    EXPECT_NE(report.detail.find("not smaller"), std::string::npos) << report.detail;
    EXPECT_EQ(tools_.runs.size(), 1U) << "asked once, not for ever";
}

TEST_F(JournalOnDisk, ADeadlineInTheMiddleIsToldWithWhatIsGone) {
    add(1, hours{5}, kMiB, false);
    add(2, hours{4}, kMiB, false);
    add(3, seconds{0}, kMiB, true);
    tools_.outcome.is_timed_out = true;
    const ActReport report = vacuum(1, 1);
    EXPECT_EQ(report.outcome, core::ActOutcome::kFailed);
    EXPECT_NE(report.detail.find("did not finish in time, which does no harm"), std::string::npos);
    EXPECT_NE(report.detail.find("3 MiB -> 1"), std::string::npos) << report.detail;
}

TEST_F(JournalOnDisk, EmptyAndForeignFilesDoNotCount) {
    const std::string empty = add(1, hours{9}, kMiB, false);
    std::fstream file{empty, std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(152);
    file.write("\0\0\0\0\0\0\0\0", 8);
    file.close();
    add(2, hours{5}, kMiB, false);
    test::overwrite(folder_ + "/system.journal", "not yet begun");
    test::overwrite(folder_ + "/notes.txt", "mine");
    fs::create_symlink("/etc/shadow", folder_ + "/link.journal");
    fs::create_directory(folder_ + "/folder.journal");
    const auto files = read_journal_folder(folder_);
    ASSERT_TRUE(files);
    ASSERT_EQ(files->size(), 2U) << "the archived one with entries, and the active one";
    EXPECT_EQ(find_oldest(*files)->oldest.number, 2U);
}

TEST_F(JournalOnDisk, WithoutAMachineIdNothingIsDone) {
    add(1, hours{5}, kMiB, false);
    test::overwrite(root_ / "machine-id", "../../etc\n");
    const ActReport report = vacuum(1, 1);
    EXPECT_EQ(report.outcome, core::ActOutcome::kFailed);
    EXPECT_TRUE(tools_.runs.empty());
}

TEST_F(JournalOnDisk, IsLeftAloneWhileItsOwnDiskHasRoom) {
    add(1, hours{5}, kMiB, false);
    add(2, seconds{0}, kMiB, true);
    const Task task = task_of(1, 1);
    EXPECT_EQ(make_act().find_unmet(task.plan), std::nullopt) << "full, and there is something";
    room_.free = 40 * kMiB;
    const auto unmet = make_act().find_unmet(task.plan);
    ASSERT_TRUE(unmet);
    EXPECT_NE(unmet->find("does not lie on a full disk: 40 MiB of 400 MiB are free"),
              std::string::npos)
        << *unmet;
}

TEST_F(JournalOnDisk, IsLeftAloneWhereItHoldsNoMoreThanTheFloor) {
    add(1, hours{5}, kMiB, false);
    add(2, seconds{0}, kMiB, true);
    EXPECT_TRUE(make_act().find_unmet(task_of(2 * kMiB, 1).plan));
    EXPECT_TRUE(make_act().find_unmet(task_of(1, 21'600).plan));
}

TEST_F(JournalOnDisk, AFolderThatIsNoJournalsIsNotTouched) {
    add(1, hours{5}, kMiB, false);
    Task task = task_of(1, 1);
    for (const std::string other : {"/etc", "/var/log", "/run/log/journal"}) {
        task.plan.parameters["journal"] = other;
        EXPECT_TRUE(make_act().find_unmet(task.plan)) << other;
    }
    std::optional<ActReport> report;
    make_act().perform(Hands{systemd_, tools_, facts_, mender_}, task, [&](ActReport given) {
        report = std::move(given);
    });
    EXPECT_EQ(report.value().outcome, core::ActOutcome::kFailed);
    EXPECT_TRUE(tools_.runs.empty());
}

}  // namespace
}  // namespace gatemend::actions
