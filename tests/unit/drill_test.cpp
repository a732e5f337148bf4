// SPDX-License-Identifier: MIT
#include "cli/drill.hpp"

#include "cli/exit_code.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace gatemend::cli {
namespace {

class Drill : public testing::Test {
  protected:
    // A program in the drill's place that writes down what it is told, and ends with 3.
    void SetUp() override {
        folder = std::filesystem::path{testing::TempDir()} /
                 testing::UnitTest::GetInstance()->current_test_info()->name();
        std::filesystem::create_directories(folder);
        options.program = folder / "drill.py";
        std::ofstream{options.program} << "import sys\n"
                                          "open('"
                                       << told().string()
                                       << "', 'w').write(' '.join(sys.argv[1:]))\n"
                                          "sys.exit(3)\n";
    }

    void TearDown() override { std::filesystem::remove_all(folder); }

    [[nodiscard]] std::filesystem::path told() const { return folder / "told"; }

    [[nodiscard]] std::string words() const {
        std::ifstream file{told()};
        std::string line;
        std::getline(file, line);
        return line;
    }

    std::filesystem::path folder;
    DrillOptions options;
};

TEST_F(Drill, ToldWhatWasAskedForAndEndsAsItEnds) {
    options.suite = "trixie";
    options.only = {"crashed-fpm", "socket-stale"};
    options.package = "/root/gatemend 1.deb";
    options.jobs = 2;
    options.is_json = true;
    EXPECT_EQ(run_drill(options), 3);
    EXPECT_EQ(words(),
              "--suite trixie --only crashed-fpm --only socket-stale --package "
              "/root/gatemend 1.deb --jobs 2 --json");
}

TEST_F(Drill, ToldNothingWhereNothingWasAskedFor) {
    EXPECT_EQ(run_drill(options), 3);
    EXPECT_EQ(words(), "");
}

TEST_F(Drill, SaysWhatIsMissing) {
    options.python = folder / "python3";
    testing::internal::CaptureStderr();
    EXPECT_EQ(run_drill(options), kExitFailed);
    EXPECT_NE(testing::internal::GetCapturedStderr().find("install --no-install-recommends"),
              std::string::npos);
    options.program = folder / "nothing.py";
    testing::internal::CaptureStderr();
    EXPECT_EQ(run_drill(options), kExitFailed);
    EXPECT_NE(testing::internal::GetCapturedStderr().find("not installed"), std::string::npos);
}

}  // namespace
}  // namespace gatemend::cli
