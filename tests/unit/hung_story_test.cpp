// SPDX-License-Identifier: MIT
// A backend that does not answer, told to the engine as events: restarted when it is certain that
// nothing happens in it any more, and never otherwise.
#include "story.hpp"

#include <random>

namespace gatemend::testing {
namespace {

const std::string kLook =
    "inspect php8.2-fpm.service listener unix:/run/php/php8.2-fpm.sock php-fpm8.2 "
    "php8.2-fpm.service queue=";
const std::string kProbe = "probe php8.2-fpm.service ";

policy::Policy restarting_policy() {
    policy::Policy policy = small_policy();
    for (const core::Cause cause :
         {core::Cause::kBackendHung, core::Cause::kSlowBackend, core::Cause::kPoolSaturated}) {
        policy::Rule rule;
        rule.name = "restart-" + std::string{core::cause_id(cause)};
        rule.match.cause = cause;
        rule.mode = policy::Mode::kAct;
        rule.ladder = {policy::LadderStep{actions::ActId::kRestartUnit, std::chrono::seconds{20}}};
        policy.rules.push_back(rule);
    }
    return policy;
}

// Open, and silent: two probes have waited in vain.
class SilentStory : public Story {
  public:
    explicit SilentStory(const std::string& wait = "60s") : Story(restarting_policy()) {
        tell({"topology php8.2-fpm.service php-fpm unix:/run/php/php8.2-fpm.sock wait=" + wait,
              "config php8.2-fpm.service valid",
              "+10s log response-timeout unix:/run/php/php8.2-fpm.sock",
              "+2s " + kProbe + "response-timeout",
              "+1s tick",
              "+10s " + kProbe + "response-timeout"});
    }
};

std::string look(std::uint32_t queue, std::uint32_t done, const std::string& more = "") {
    return kLook + std::to_string(queue) +
           "/511 ; worker S 2 done=7 ; worker S done=" + std::to_string(done) + more;
}

TEST(Hung, IsRestartedWhenNothingMovesForTwiceTheTimeThatNginxWaits) {
    SilentStory story;
    story.tell({look(3, 5)});
    for (int i = 1; i <= 7; ++i) {
        story.tell({"+15s " + look(3, 5)});
        EXPECT_EQ(story.count("act restart-unit"), 0U) << "after " << i * 15 << " s";
    }
    story.tell({"+15s " + look(3, 5), "+15s " + look(3, 5)});
    EXPECT_EQ(story.count("act restart-unit"), 1U);
}

TEST(Hung, IsNotConcludedForAnyRuleWhileWorkersWork) {
    SilentStory story;
    for (std::uint32_t i = 0; i < 60; ++i) {
        story.tell({"+15s " + look(3, 5 + i / 4)});
    }
    EXPECT_EQ(story.count("act restart-unit"), 0U);
    EXPECT_TRUE(story.says("contrary-evidence"));
}

TEST(Hung, IsNotConcludedWhereNginxWaitsForAnHour) {
    SilentStory story{"3600s"};
    for (int i = 0; i < 400; ++i) {
        story.tell({"+15s " + look(3, 5)});
    }
    EXPECT_EQ(story.count("act restart-unit"), 0U);
}

TEST(Hung, BeginsAnewWithAReloadAGoodProbeAndANewRun) {
    for (const std::vector<std::string>& between :
         {std::vector<std::string>{"unit php8.2-fpm.service reloading",
                                   "unit php8.2-fpm.service active"},
          std::vector<std::string>{"unit php8.2-fpm.service active job",
                                   "unit php8.2-fpm.service active"},
          std::vector<std::string>{"unit php8.2-fpm.service active invocation=i9"}}) {
        SilentStory story;
        for (int i = 0; i < 7; ++i) {
            story.tell({"+15s " + look(3, 5)});
        }
        story.tell(between);
        for (int i = 0; i < 7; ++i) {
            story.tell({"+15s " + look(3, 5)});
        }
        EXPECT_EQ(story.count("act restart-unit"), 0U) << between.front();
    }
}

TEST(Hung, OfWhichEverythingIsStoppedIsRestartedAfterTwoLooks) {
    SilentStory story;
    const std::string stopped = kLook + "3/511 ; worker T 3";
    story.tell({stopped});
    EXPECT_EQ(story.count("act restart-unit"), 0U);
    story.tell({"+3s " + stopped});
    EXPECT_EQ(story.count("act restart-unit"), 1U);
}

// Whatever is seen in whatever order: between the last sign of work and a restart lies twice the
// time that nginx waits.
TEST(Hung, IsNeverRestartedSoonAfterAnySignOfWork) {
    for (unsigned seed = 1; seed <= 60; ++seed) {
        std::mt19937 random{seed};
        SilentStory story;
        std::uint32_t done = 5;
        std::uint32_t queue = 3;
        int still = 0;
        for (int i = 0; i < 80; ++i) {
            const int seconds = 5 + static_cast<int>(random() % 12);
            still += seconds;
            switch (random() % 24) {
                case 0:
                    ++done;
                    still = 0;
                    break;
                case 1:
                    still = queue > 0 ? 0 : still;
                    queue -= queue > 0 ? 1U : 0U;
                    break;
                case 2:
                    ++queue;
                    break;
                default:
                    break;
            }
            const std::size_t before = story.count("act restart-unit");
            story.tell({"+" + std::to_string(seconds) + "s " + look(queue, done)});
            if (story.count("act restart-unit") > before) {
                EXPECT_GE(still, 120) << "seed " << seed << ", look " << i;
                break;
            }
        }
    }
}

// A crashed backend was started, and everybody who has waited asks at once.
TEST(Slow, IsNoVerdictOnAnActWhileNginxWouldStillWait) {
    Story story;
    story.tell({"topology php8.2-fpm.service php-fpm unix:/run/php/php8.2-fpm.sock",
                "config php8.2-fpm.service valid",
                "+1s unit php8.2-fpm.service failed signal",
                kProbe + "refused",
                "+50ms unit php8.2-fpm.service active",
                "+1ms act done 1 succeeded job done",
                "+2s " + kProbe + "response-timeout",
                "+1s tick",
                "+10s " + kProbe + "response-timeout"});
    EXPECT_EQ(story.count("confirm"), 0U) << story.dump();
    story.tell({"+1s tick", "+3s " + kProbe + "good", "+31s tick", "+10ms " + kProbe + "good"});
    EXPECT_EQ(story.count("confirm 1 effective"), 1U) << story.dump();
}

}  // namespace
}  // namespace gatemend::testing
