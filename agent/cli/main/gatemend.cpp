// SPDX-License-Identifier: MIT
// gatemend: the operator's command line. Reads the arguments and hands over to one function per
// command; wrong usage is one clear line and exit status 2.
#include "cli/agent_query.hpp"
#include "cli/apply.hpp"
#include "cli/approval.hpp"
#include "cli/audit_view.hpp"
#include "cli/drill.hpp"
#include "cli/dry_run.hpp"
#include "cli/exit_code.hpp"
#include "cli/explain.hpp"
#include "cli/hold.hpp"
#include "cli/operator_control.hpp"
#include "cli/policy_check.hpp"
#include "cli/policy_show.hpp"
#include "cli/policy_test.hpp"
#include "cli/replay.hpp"
#include "cli/suggest.hpp"
#include "sandbox/bus/event_loop.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <string>

namespace {

using namespace gatemend;

// Everything the arguments can say.
struct Arguments {
    bool is_json = false;
    bool is_dry_run = false;
    cli::DryRunOptions dry_run;
    cli::AuditOptions audit;
    cli::ExplainOptions explain;
    cli::ReplayOptions replay;
    cli::PolicyOptions policies;
    std::string rule;
    cli::SuggestOptions suggest;
    std::string replay_policies;
    std::string old_policies;
    std::string draft;
    std::uint64_t incident = 0;
    std::uint64_t attempt = 0;
    std::string pause_for;
    std::string reason;
    std::string unit;
    cli::HoldOptions hold;
    cli::DrillOptions drill;
    cli::ApproveOptions approve;
    cli::RollbackOptions rollback;
    std::string digest;
    bool is_summary = false;
};

struct Commands {
    CLI::App* status = nullptr;
    CLI::App* incidents = nullptr;
    CLI::App* show = nullptr;
    CLI::App* why = nullptr;
    CLI::App* explain = nullptr;
    CLI::App* replay = nullptr;
    CLI::App* policy = nullptr;
    CLI::App* check = nullptr;
    CLI::App* test = nullptr;
    CLI::App* list = nullptr;
    CLI::App* rules = nullptr;
    CLI::App* audit = nullptr;
    CLI::App* acknowledge = nullptr;
    CLI::App* pause = nullptr;
    CLI::App* resume = nullptr;
    CLI::App* hold = nullptr;
    CLI::App* drill = nullptr;
    CLI::App* approve = nullptr;
    CLI::App* rollback = nullptr;
    CLI::App* apply = nullptr;
    CLI::App* suggest = nullptr;
};

CLI::App* add(CLI::App& app, Arguments& arguments, const char* name, const char* text) {
    CLI::App* command = app.add_subcommand(name, text);
    command->add_flag("--json", arguments.is_json, "Print JSON");
    return command;
}

void describe_top(CLI::App& app, Arguments& arguments) {
    app.name("gatemend");
    app.set_version_flag("--version", "gatemend " GATEMEND_VERSION);
    app.add_flag("--json", arguments.is_json, "Print JSON (every command takes it)");
    CLI::Option* dry_run =
        app.add_flag("--dry-run",
                     arguments.is_dry_run,
                     "Diagnose this machine now and say what would be done; changes nothing");
    app.add_flag("--fail-if-needed",
                 arguments.dry_run.is_fail_if_needed,
                 "With --dry-run: exit status 1 when an act would be needed")
        ->needs(dry_run);
    app.require_subcommand(0, 1);
}

void describe_queries(CLI::App& app, Arguments& arguments, Commands& commands) {
    commands.status = add(app, arguments, "status", "What is watched and how it is");
    commands.incidents = add(app, arguments, "incidents", "What happened, newest first");
    commands.show = add(app, arguments, "show", "Everything about one incident");
    commands.show->add_option("ID", arguments.incident, "The incident's number")->required();
    commands.why = add(app, arguments, "why", "Why an act was done or not done in an incident");
    commands.why->add_option("ID", arguments.incident, "The incident's number")->required();
    commands.audit = add(app, arguments, "audit", "Read or verify the record");
    commands.audit->add_flag("--verify", arguments.audit.is_verify, "Check the hash chains");
    commands.audit->add_option("--since",
                               arguments.audit.since,
                               "From this time (2026-11-21T14:00:00Z) or this long ago (1h)");
    commands.audit->add_option("--incident", arguments.audit.incident, "Of this incident only");
    commands.acknowledge = commands.audit->add_subcommand(
        "acknowledge", "Say that you have looked at what is wrong with the record (root)");
    commands.acknowledge->add_option(
        "--attempt", arguments.attempt, "At this attempt instead, which could not be undone");
}

void describe_offline(CLI::App& app, Arguments& arguments, Commands& commands) {
    commands.explain = add(app, arguments, "explain", "Say what log lines mean; offline");
    commands.explain->add_option("--source", arguments.explain.source, "What wrote the lines");
    commands.explain->add_flag("--summary", arguments.is_summary, "Only the counts");
    commands.explain->add_option(
        "FILE", arguments.explain.files, "Log files; none: standard input");
    commands.replay = add(app, arguments, "replay", "Run the engine over kept logs; offline");
    commands.replay->add_option("--policy",
                                arguments.replay_policies,
                                "Rules from this folder instead of the installed ones");
    commands.replay->add_option(
        "--diff", arguments.old_policies, "Say only what differs from the rules in this folder");
    commands.replay->add_option("FILE", arguments.replay.files, "Log or event files")->required();
}

void describe_policy(CLI::App& app, Arguments& arguments, Commands& commands) {
    commands.policy = app.add_subcommand("policy", "Work with policies");
    commands.policy->require_subcommand(1);
    commands.check = add(*commands.policy, arguments, "check", "Validate settings and rules");
    commands.test = add(*commands.policy, arguments, "test", "Run the rules' own tests");
    commands.list = add(*commands.policy, arguments, "list", "One line per rule");
    commands.rules =
        add(*commands.policy, arguments, "show", "What is in effect, and where it is written");
    constexpr const char* kInstead = "A file or folder instead of the installed set";
    for (CLI::App* command : {commands.check, commands.test, commands.list}) {
        command->add_option("PATH", arguments.draft, kInstead);
    }
    commands.rules->add_option("--policy", arguments.draft, kInstead);
    commands.rules->add_option("RULE", arguments.rule, "This rule alone");
}

void describe_suggest(CLI::App& app, Arguments& arguments, Commands& commands) {
    commands.suggest =
        add(app, arguments, "suggest", "Durable fixes as diffs, with the arithmetic (root)");
    commands.suggest->add_option("--unit", arguments.suggest.unit, "Only what this unit serves");
    commands.suggest->add_option(
        "--cause", arguments.suggest.cause, "Against this cause, whether it shows or not");
}

void describe_control(CLI::App& app, Arguments& arguments, Commands& commands) {
    commands.pause = app.add_subcommand("pause", "Act on nothing for a time (root)");
    commands.pause->add_option("--for", arguments.pause_for, "How long: 30m, 1h ...")->required();
    commands.pause->add_option("--reason", arguments.reason, "Why, for the record")->required();
    commands.resume = app.add_subcommand("resume", "End the pause, or lift a unit's latch (root)");
    commands.resume->add_option("UNIT", arguments.unit, "The unit whose latch is lifted");
}

void describe_hold(CLI::App& app, Arguments& arguments, Commands& commands) {
    cli::HoldOptions& hold = arguments.hold;
    commands.hold = add(app, arguments, "hold", "Act on nothing while a command runs (root)");
    commands.hold->add_option("--for", hold.length, "At most so long: 10m, 1h ...");
    commands.hold->add_option("--reason", hold.reason, "Why, for the record");
    commands.hold->add_flag("--end", hold.is_end, "End your holds that run no command");
    commands.hold->add_flag("--list", hold.is_list, "Who holds gatemend back, and until when");
    commands.hold->add_option(
        "COMMAND", hold.command, "After `--`: what to run; none: hold until --end");
}

void describe_drill(CLI::App& app, Arguments& arguments, Commands& commands) {
    cli::DrillOptions& drill = arguments.drill;
    commands.drill = add(app, arguments, "drill", "Try it all out in throwaway containers (root)");
    commands.drill->add_option("--suite", drill.suite, "bookworm or trixie; default: this one");
    commands.drill->add_option("--only", drill.only, "A drill, a cause or an act; may be repeated")
        ->allow_extra_args(false);
    commands.drill->add_option("--package", drill.package, "Try this .deb, not the installed one");
    commands.drill->add_option("--jobs", drill.jobs, "So many containers at a time");
    commands.drill->add_flag("--list", drill.is_list, "Which drills there are");
    commands.drill->add_flag("--watch", drill.is_watch, "One heal with timeline and record");
}

void describe_consent(CLI::App& app, Arguments& arguments, Commands& commands) {
    commands.approve = app.add_subcommand("approve", "Say yes to an act that is asked for (root)");
    commands.approve->add_option("ID", arguments.approve.incident, "The incident's number")
        ->required();
    commands.approve->add_option(
        "N", arguments.approve.number, "Which of its proposals, where there are several");
    commands.rollback = app.add_subcommand("rollback", "Undo what an act has changed (root)");
    CLI::Option* incident = commands.rollback->add_option(
        "ID", arguments.rollback.incident, "The newest act of this incident");
    CLI::Option* attempt = commands.rollback->add_option(
        "--attempt", arguments.rollback.attempt, "Exactly this attempt");
    incident->excludes(attempt);
    commands.rollback->require_option(1, 2);
    commands.rollback->add_flag(
        "--dry-run,-n", arguments.rollback.is_dry_run, "Only say what would be put back now");
    commands.apply =
        add(app, arguments, "apply", "Perform exactly a plan that --dry-run has printed (root)");
    commands.apply->add_option("DIGEST", arguments.digest, "The plan's digest")->required();
}

int run_policy(const Commands& commands, Arguments& arguments) {
    arguments.policies.is_json = arguments.is_json;
    if (!arguments.draft.empty()) {
        arguments.policies.draft = arguments.draft;
    }
    if (commands.test->parsed()) {
        return cli::run_policy_test(arguments.policies);
    }
    if (commands.list->parsed()) {
        return cli::run_policy_list(arguments.policies);
    }
    if (commands.rules->parsed()) {
        return cli::run_policy_show(arguments.policies, arguments.rule);
    }
    return cli::run_policy_check(arguments.policies);
}

int run_offline(const Commands& commands, Arguments& arguments) {
    if (commands.explain->parsed()) {
        arguments.explain.format =
            arguments.is_json ? cli::ExplainFormat::kJson : cli::ExplainFormat::kText;
        arguments.explain.detail =
            arguments.is_summary ? cli::ExplainDetail::kSummary : cli::ExplainDetail::kLines;
        return cli::run_explain(arguments.explain);
    }
    if (commands.replay->parsed()) {
        arguments.replay.is_json = arguments.is_json;
        if (!arguments.replay_policies.empty()) {
            arguments.replay.policies.shipped = arguments.replay_policies;
            arguments.replay.policies.overrides.clear();
        }
        if (!arguments.old_policies.empty()) {
            arguments.replay.old_policies = {
                arguments.replay.policies.settings, arguments.old_policies, ""};
        }
        return cli::run_replay(arguments.replay);
    }
    return run_policy(commands, arguments);
}

int run_consent(const Commands& commands, Arguments& arguments) {
    if (commands.approve->parsed()) {
        return cli::run_approve(arguments.approve);
    }
    if (commands.rollback->parsed()) {
        return cli::run_rollback(arguments.rollback);
    }
    arguments.dry_run.is_json = arguments.is_json;
    return cli::run_apply(cli::ApplyOptions{arguments.digest, arguments.dry_run});
}

int run(const Commands& commands, Arguments& arguments) {
    const cli::Output output = arguments.is_json ? cli::Output::kJson : cli::Output::kText;
    if (commands.status->parsed()) {
        return cli::run_status(output);
    }
    if (commands.incidents->parsed()) {
        return cli::run_incidents(output);
    }
    if (commands.show->parsed()) {
        return cli::run_show(arguments.incident, output);
    }
    if (commands.why->parsed()) {
        return cli::run_why(arguments.incident, output);
    }
    if (commands.acknowledge->parsed()) {
        return cli::run_acknowledge(arguments.audit.records, arguments.attempt);
    }
    if (commands.audit->parsed()) {
        arguments.audit.is_json = arguments.is_json;
        arguments.audit.now = bus::wall_clock();
        return cli::run_audit(arguments.audit);
    }
    if (commands.suggest->parsed()) {
        arguments.suggest.is_json = arguments.is_json;
        return cli::run_suggest(arguments.suggest);
    }
    if (commands.pause->parsed()) {
        return cli::run_pause(arguments.pause_for, arguments.reason);
    }
    if (commands.resume->parsed()) {
        return cli::run_resume(arguments.unit);
    }
    if (commands.hold->parsed()) {
        arguments.hold.is_json = arguments.is_json;
        return cli::run_hold(arguments.hold);
    }
    if (commands.drill->parsed()) {
        arguments.drill.is_json = arguments.is_json;
        return cli::run_drill(arguments.drill);
    }
    if (commands.approve->parsed() || commands.rollback->parsed() || commands.apply->parsed()) {
        return run_consent(commands, arguments);
    }
    return run_offline(commands, arguments);
}

int wrong_usage(const std::string& text) {
    std::string line = text;
    for (char& c : line) {
        c = c == '\n' ? ' ' : c;
    }
    (void)std::fprintf(stderr, "gatemend: %s; see gatemend --help\n", line.c_str());
    return cli::kExitUsage;
}

int parse_and_run(int argc, char** argv) {
    CLI::App app("Keeps websites behind nginx answering: finds out why they do not, and mends it.");
    Arguments arguments;
    Commands commands;
    describe_top(app, arguments);
    describe_queries(app, arguments, commands);
    describe_offline(app, arguments, commands);
    describe_policy(app, arguments, commands);
    describe_control(app, arguments, commands);
    describe_hold(app, arguments, commands);
    describe_drill(app, arguments, commands);
    describe_consent(app, arguments, commands);
    describe_suggest(app, arguments, commands);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) {
            return app.exit(error);  // --help, --version
        }
        return wrong_usage(error.what());
    }
    if (arguments.is_dry_run != app.get_subcommands().empty()) {
        return wrong_usage(arguments.is_dry_run ? "--dry-run takes no command" : "no command");
    }
    if (arguments.is_dry_run) {
        arguments.dry_run.is_json = arguments.is_json;
        return cli::run_dry_run(arguments.dry_run);
    }
    return run(commands, arguments);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return parse_and_run(argc, argv);
    } catch (const std::exception& error) {
        // Nothing of ours throws; this is a library's last word.
        (void)std::fprintf(stderr, "gatemend: %s\n", error.what());
        return cli::kExitFailed;
    }
}
