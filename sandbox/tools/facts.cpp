// SPDX-License-Identifier: MIT
#include "sandbox/tools/facts.hpp"

#include "core/inspection.hpp"
#include "core/text.hpp"
#include "sandbox/secrecy/nginx_words.hpp"
#include "sandbox/secrecy/readable.hpp"
#include "sandbox/secrecy/tool_words.hpp"
#include "sandbox/tools/config_places.hpp"
#include "sandbox/tools/fingerprint.hpp"
#include "sandbox/tools/known_services.hpp"
#include "sandbox/tools/pm2.hpp"
#include "sandbox/tools/worker_user.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace gatemend::sandbox {
namespace {

using core::Done;
using core::Duration;
using core::Error;
using core::Result;
using core::Status;

constexpr unsigned kMaxRetests = 2;
constexpr auto kConfigTestDeadline = std::chrono::seconds{20};
constexpr auto kProbeStartAllowance = std::chrono::seconds{3};
constexpr std::size_t kMaxDiagnosticBytes = std::size_t{8} * 1024;
constexpr auto kInspectDeadline = std::chrono::seconds{8};
constexpr auto kPm2Deadline = std::chrono::seconds{20};
constexpr auto kPacketFilterDeadline = std::chrono::seconds{5};
constexpr std::size_t kMaxLastJobBytes = 256;
constexpr const char* kInspectPath = "/usr/lib/gatemend/gatemend-inspect";
constexpr std::size_t kMaxProbeLineBytes = 1024;
constexpr const char* kProbePath = "/usr/lib/gatemend/gatemend-probe";
constexpr const char* kTlsProbePath = "/usr/lib/gatemend/gatemend-probe-tls";

// Nothing where there is none, or where it is not known whose it has to be.
void add_main_process(std::vector<std::string>& argv, const Result<bus::ServiceSetup>& setup) {
    if (!setup || setup->main_pid == 0) {
        return;
    }
    const bool is_root = setup->user.empty() || setup->user == "root";
    if (is_root || setup->uid) {
        argv.push_back(std::to_string(setup->main_pid));
        argv.push_back(is_root ? "0" : std::to_string(*setup->uid));
    }
}

using TestCallback = std::function<void(Result<ConfigTestFact>)>;

struct TestRecord {
    ConfigTestFact newest;
    std::vector<TestCallback> waiting;  // not empty: a test runs
    unsigned retests = 0;               // because the files changed meanwhile
    core::Duration ended{};             // the newest, since boot
};

std::string verdict_of(const KnownService& service, const ToolOutcome& outcome) {
    if (outcome.exit_code == 0) {
        return "valid";
    }
    return outcome.exit_code == service.invalid_exit_code ? "invalid" : "unknown";
}

std::string why_unknown(const ToolOutcome& outcome) {
    if (outcome.is_timed_out) {
        return "the test did not finish in time";
    }
    if (outcome.exit_code < 0) {
        return "the test was killed";
    }
    return "the test could not run, exit code " + std::to_string(outcome.exit_code);
}

bool is_open(const std::string& path) {
    return is_open_to_all(path);
}

std::optional<std::size_t> size_of(const std::string& path) {
    struct stat info {};

    return stat(path.c_str(), &info) == 0
               ? std::optional{static_cast<std::size_t>(std::max<off_t>(info.st_size, 0))}
               : std::nullopt;
}

// The tool's words, line by line, printable: they travel over D-Bus, which knows only valid UTF-8.
// What they quote of files that not everybody may read stays here.
std::string printable(std::string_view output) {
    std::string result;
    const std::string shown =
        without_private_quotes_in(output.substr(0, kMaxDiagnosticBytes), is_open);
    std::string_view text = shown;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        if (!line.empty()) {
            result.append(core::sanitize(line)).push_back('\n');
        }
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return result;
}

// What may travel over D-Bus, whatever the tool has printed.
std::string ascii(std::string text) {
    const auto is_odd = [](char c) { return (c < ' ' && c != '\n' && c != '\t') || c > '~'; };
    std::ranges::replace_if(text, is_odd, '?');
    return text;
}

struct PacketFilterTool {
    const char* format;
    std::vector<std::string> argv;
};

// Where the kernel has tables of the old kind, which nft does not see, it lists them in this file.
bool has_old_tables() {
    std::ifstream old_tables{"/proc/net/ip_tables_names"};
    std::string table;
    return static_cast<bool>(std::getline(old_tables, table));
}

std::vector<PacketFilterTool> packet_filter_tools() {
    constexpr const char* kText = "iptables-save";
    if (!has_old_tables()) {
        return {{"nft-json", {"/usr/sbin/nft", "--json", "list", "ruleset"}},
                {kText, {"/usr/sbin/iptables-save", "-c"}},
                {kText, {"/usr/sbin/ip6tables-save", "-c"}}};
    }
    if (access("/usr/sbin/iptables-legacy-save", F_OK) == 0) {
        return {{kText, {"/usr/sbin/iptables-legacy-save", "-c"}},
                {kText, {"/usr/sbin/ip6tables-legacy-save", "-c"}}};
    }
    return {{kText, {"/usr/sbin/iptables-save", "-c"}},
            {kText, {"/usr/sbin/ip6tables-save", "-c"}}};
}

// What iptables has put into nftables is opaque to nft ("xt"); iptables-save has its words.
bool is_whole(const PacketFilterFact& fact) {
    return fact.format == "nft-json" && fact.text.find("\"xt\":") == std::string::npos;
}

PacketFilterFact added(std::optional<PacketFilterFact> so_far,
                       const char* format,
                       std::string text) {
    text = ascii(std::move(text));
    if (!text.empty() && text.back() != '\n') {
        text.push_back('\n');
    }
    if (!so_far) {
        return {.format = format, .text = std::move(text)};
    }
    if (so_far->text.size() + text.size() <= kMaxPacketFilterBytes) {
        so_far->text += text;
    }
    return std::move(*so_far);
}

// Of all files that the unit's test reads, as far as they are known.
Result<std::string> fingerprint_of(const KnownService& service) {
    GATEMEND_TRY(places, find_config_places(service.first_files));
    return fingerprint_files(service.config_paths, places);
}

ToolSpec test_spec(const KnownService& service) {
    ToolSpec spec;
    spec.profile = service.profile;
    spec.argv = service.test_argv;
    spec.deadline = kConfigTestDeadline;
    spec.max_output = kMaxDiagnosticBytes;
    return spec;
}

// What the tool's end means; the fingerprint is the caller's.
ConfigTestFact judge_test(const KnownService& service, const Result<ToolOutcome>& outcome) {
    ConfigTestFact fact{.verdict = "unknown", .fingerprint = "", .output = ""};
    if (!outcome) {
        fact.output = outcome.error().text;
        return fact;
    }
    fact.verdict = verdict_of(service, *outcome);
    fact.output = printable(outcome->err);
    if (fact.verdict == "unknown") {
        fact.output = why_unknown(*outcome) + "\n" + fact.output;
    }
    return fact;
}

class MachineFacts final : public Facts {
  public:
    MachineFacts(ToolRunner& runner,
                 bus::SystemdClient& systemd,
                 std::function<core::Duration()> clock)
        : runner_(runner),
          systemd_(systemd),
          clock_(std::move(clock)) {}

    void nginx_dump(std::function<void(Result<NginxDumpFact>)> done) override;
    void test_config(const std::string& unit, TestCallback done) override;
    void test_staged(const std::string& unit,
                     const std::vector<Bind>& binds,
                     TestCallback done) override;
    void probe(const core::ProbeQuestion& question,
               std::function<void(Result<std::string>)> done) override;
    void inspect(const std::string& unit,
                 const std::string& address,
                 std::function<void(Result<std::string>)> done) override;
    void last_job(const std::string& id, std::function<void(Result<std::string>)> done) override;
    void packet_filter(std::function<void(Result<PacketFilterFact>)> done) override;
    void pm2_apps(const std::string& unit, std::function<void(Result<std::string>)> done) override;
    [[nodiscard]] Result<std::string> fingerprint(const std::string& unit) const override;
    [[nodiscard]] Result<ConfigChange> newest_change(const std::string& unit) const override;
    [[nodiscard]] std::vector<std::uint32_t> processes(const std::string& unit) const override;
    [[nodiscard]] bool is_known_valid(const std::string& unit,
                                      core::Duration max_age) const override;

  private:
    // How systemd starts it, for known(). An error where that is not understood.
    void read_command(const std::string& unit, std::function<void(Status)> done);
    [[nodiscard]] std::optional<KnownService> known(const std::string& unit) const;
    void run_dump(const KnownService& nginx, std::function<void(Result<NginxDumpFact>)> done);
    void test_known(const std::string& unit, TestCallback done);
    void on_tested(const std::string& unit,
                   const std::string& fingerprint_before,
                   const Result<ToolOutcome>& outcome);
    void look(std::vector<std::string> argv, std::function<void(Result<std::string>)> done);
    const std::string& worker_user();
    void ask_packet_filter(std::vector<PacketFilterTool> tools,
                           const std::optional<PacketFilterFact>& so_far,
                           std::function<void(Result<PacketFilterFact>)> done);

    ToolRunner& runner_;
    bus::SystemdClient& systemd_;
    std::function<core::Duration()> clock_;
    std::map<std::string, TestRecord> tests_;
    std::map<std::string, KnownService> services_;  // as they were started when last asked
    std::string worker_user_;
};

void MachineFacts::read_command(const std::string& unit, std::function<void(Status)> done) {
    systemd_.read_service(
        unit, [this, unit, done = std::move(done)](const Result<bus::ServiceSetup>& setup) {
            const auto service = find_known_service(unit);
            const auto started = setup ? as_started(*service, setup->exec_start)
                                       : Result<KnownService>{setup.error()};
            services_.insert_or_assign(unit, started ? *started : *service);
            // What is down is tested as its package starts it: a start has nothing to end.
            const bool is_down = setup && setup->main_pid == 0;
            done(started || is_down ? Status{Done{}} : Status{started.error()});
        });
}

std::optional<KnownService> MachineFacts::known(const std::string& unit) const {
    const auto found = services_.find(unit);
    return found == services_.end() ? find_known_service(unit) : found->second;
}

void MachineFacts::nginx_dump(std::function<void(Result<NginxDumpFact>)> done) {
    // How it is started, if that is not known, is said by its test.
    read_command("nginx.service", [this, done = std::move(done)](const Status& /*status*/) {
        run_dump(*known("nginx.service"), done);
    });
}

void MachineFacts::run_dump(const KnownService& nginx,
                            std::function<void(Result<NginxDumpFact>)> done) {
    ToolSpec spec;
    spec.profile = ToolProfile::kNginxTest;
    spec.argv = nginx.test_argv;
    std::ranges::replace(spec.argv, std::string{"-t"}, std::string{"-T"});
    spec.deadline = kConfigTestDeadline;
    spec.max_output = kMaxDumpBytes;
    runner_.run(spec, [done = std::move(done)](Result<ToolOutcome> outcome) {
        if (!outcome) {
            done(outcome.error());
            return;
        }
        if (outcome->is_timed_out) {
            done(Error{"nginx -T did not finish in time"});
            return;
        }
        if (outcome->is_cut) {
            done(Error{"nginx -T printed more than 64 MiB, which is all we read"});
            return;
        }
        NginxDumpFact fact;
        fact.exit_status = outcome->exit_code;
        fact.dump =
            without_private_text(std::move(outcome->out), {.is_open = is_open, .size_of = size_of});
        fact.diagnostics = printable(outcome->err);
        done(std::move(fact));
    });
}

void MachineFacts::test_config(const std::string& unit, TestCallback done) {
    if (!find_known_service(unit)) {
        done(Error{"no configuration test is known for " + unit});
        return;
    }
    read_command(unit, [this, unit, done = std::move(done)](const Status& status) {
        if (status) {
            test_known(unit, done);
            return;
        }
        const ConfigTestFact fact{
            .verdict = "unknown", .fingerprint = "", .output = status.error().text};
        tests_[unit].newest = fact;
        done(fact);
    });
}

void MachineFacts::test_known(const std::string& unit, TestCallback done) {
    const auto service = known(unit);
    const auto current = fingerprint_of(*service);
    if (!current) {
        done(ConfigTestFact{
            .verdict = "unknown", .fingerprint = "", .output = current.error().text});
        return;
    }
    TestRecord& record = tests_[unit];
    const bool is_fresh = clock_() - record.ended <= kVerdictLifetime;
    if (is_fresh && record.newest.fingerprint == *current && record.newest.verdict != "unknown") {
        done(record.newest);
        return;
    }
    record.waiting.push_back(std::move(done));
    if (record.waiting.size() > 1) {
        return;  // a test is running; if its files are old by then, on_tested() tells
    }
    runner_.run(test_spec(*service),
                [this, unit, before = *current](const Result<ToolOutcome>& outcome) {
                    on_tested(unit, before, outcome);
                });
}

void MachineFacts::on_tested(const std::string& unit,
                             const std::string& fingerprint_before,
                             const Result<ToolOutcome>& outcome) {
    const auto service = known(unit);
    TestRecord& record = tests_[unit];
    ConfigTestFact fact = judge_test(*service, outcome);
    fact.fingerprint = fingerprint_before;
    if (const auto now = fingerprint(unit); outcome && (!now || *now != fingerprint_before)) {
        // Who asks while an edit is put back wants to know about what is there then.
        if (now && ++record.retests <= kMaxRetests) {
            runner_.run(test_spec(*service),
                        [this, unit, before = *now](const Result<ToolOutcome>& again) {
                            on_tested(unit, before, again);
                        });
            return;
        }
        fact.verdict = "unknown";
        fact.output = "the configuration changed during the test";
    }
    record.retests = 0;
    record.newest = fact;
    record.ended = clock_();
    for (const auto& waiting = std::exchange(record.waiting, {});
         const TestCallback& done : waiting) {
        done(fact);
    }
}

void MachineFacts::test_staged(const std::string& unit,
                               const std::vector<Bind>& binds,
                               TestCallback done) {
    if (!find_known_service(unit)) {
        done(Error{"no configuration test is known for " + unit});
        return;
    }
    read_command(unit, [this, unit, binds, done = std::move(done)](const Status& status) {
        const KnownService service = *known(unit);
        if (!status || !service.is_packaged) {
            done(ConfigTestFact{.verdict = "unknown",
                                .fingerprint = "",
                                .output = status ? unit + " reads " + service.first_files.front() +
                                                       ": only files of its package are changed"
                                                 : status.error().text});
            return;
        }
        ToolSpec spec = test_spec(service);
        spec.binds = binds;
        runner_.run(spec, [service, done](const Result<ToolOutcome>& outcome) {
            done(judge_test(service, outcome));
        });
    });
}

// The probe checks again: what is not local in its eyes it does not touch without being told so.
bool leaves_machine(const core::ProbeQuestion& question) {
    const std::string& address = question.address;
    return question.kind == core::ProbeKind::kResolve ||
           !(address.starts_with("unix:") || address.starts_with("127.") ||
             address.starts_with("[::1]:"));
}

void MachineFacts::probe(const core::ProbeQuestion& question,
                         std::function<void(Result<std::string>)> done) {
    const bool is_tls = question.kind == core::ProbeKind::kHttps;
    const bool is_remote = leaves_machine(question);
    ToolSpec spec;
    spec.profile = is_tls || is_remote ? ToolProfile::kRemoteProbe : ToolProfile::kProbe;
    spec.argv = {is_tls ? kTlsProbePath : kProbePath,
                 std::string{core::probe_kind_id(question.kind)},
                 question.address,
                 std::to_string(question.timeout.count()),
                 is_remote ? "remote" : "local",
                 question.name};
    spec.user = worker_user();
    spec.deadline = question.timeout + kProbeStartAllowance;
    spec.max_output = kMaxProbeLineBytes;
    runner_.run(spec, [done = std::move(done)](const Result<ToolOutcome>& outcome) {
        if (!outcome) {
            done(outcome.error());
        } else if (!core::decode_probe_result(outcome->out)) {
            done(Error{"the probe could not run" + (outcome->is_timed_out
                                                        ? std::string{" in time"}
                                                        : ": " + printable(outcome->err))});
        } else {
            done(outcome->out);
        }
    });
}

void MachineFacts::inspect(const std::string& unit,
                           const std::string& address,
                           std::function<void(Result<std::string>)> done) {
    const auto or_none = [](const std::string& text) { return text.empty() ? "-" : text; };
    std::vector<std::string> argv{kInspectPath, or_none(unit), or_none(address), worker_user()};
    if (unit.empty()) {
        look(std::move(argv), std::move(done));
        return;
    }
    systemd_.read_service(unit,
                          [this, argv = std::move(argv), done = std::move(done)](
                              const Result<bus::ServiceSetup>& setup) mutable {
                              add_main_process(argv, setup);
                              look(std::move(argv), std::move(done));
                          });
}

void MachineFacts::look(std::vector<std::string> argv,
                        std::function<void(Result<std::string>)> done) {
    ToolSpec spec;
    spec.profile = ToolProfile::kInspect;
    spec.argv = std::move(argv);
    spec.deadline = kInspectDeadline;
    spec.max_output = core::kMaxInspectionBytes;
    runner_.run(spec, [done = std::move(done)](Result<ToolOutcome> outcome) {
        if (!outcome) {
            done(outcome.error());
        } else if (outcome->exit_code != 0 || outcome->is_cut) {
            done(Error{"gatemend-inspect could not run" + (outcome->is_timed_out
                                                               ? std::string{" in time"}
                                                               : ": " + printable(outcome->err))});
        } else {
            done(ascii(std::move(outcome->out)));
        }
    });
}

void MachineFacts::last_job(const std::string& id, std::function<void(Result<std::string>)> done) {
    ToolSpec spec;
    spec.profile = ToolProfile::kInspect;
    spec.argv = {kInspectPath, "--last-job", id};
    spec.deadline = kInspectDeadline;
    spec.max_output = kMaxLastJobBytes;
    runner_.run(spec, [done = std::move(done)](Result<ToolOutcome> outcome) {
        if (!outcome) {
            done(outcome.error());
        } else if (outcome->exit_code != 0 || outcome->is_cut) {
            done(Error{"the journal could not be read" + (outcome->is_timed_out
                                                              ? std::string{" in time"}
                                                              : ": " + printable(outcome->err))});
        } else {
            done(std::move(outcome->out));
        }
    });
}

void MachineFacts::packet_filter(std::function<void(Result<PacketFilterFact>)> done) {
    ask_packet_filter(packet_filter_tools(), std::nullopt, std::move(done));
}

void MachineFacts::ask_packet_filter(std::vector<PacketFilterTool> tools,
                                     const std::optional<PacketFilterFact>& so_far,
                                     std::function<void(Result<PacketFilterFact>)> done) {
    const auto is_absent = [](const PacketFilterTool& tool) {
        return access(tool.argv.front().c_str(), F_OK) != 0;
    };
    std::erase_if(tools, is_absent);
    if (tools.empty()) {
        done(so_far.value_or(PacketFilterFact{.format = "none", .text = ""}));
        return;
    }
    ToolSpec spec;
    spec.profile = ToolProfile::kPacketFilter;
    spec.argv = tools.front().argv;
    spec.deadline = kPacketFilterDeadline;
    spec.max_output = kMaxPacketFilterBytes;
    runner_.run(spec, [this, tools, so_far, done = std::move(done)](Result<ToolOutcome> outcome) {
        const bool is_good = outcome && outcome->exit_code == 0 && !outcome->is_cut;
        auto fact = is_good ? added(so_far, tools.front().format, std::move(outcome->out)) : so_far;
        if (tools.size() > 1 && !(fact && is_whole(*fact))) {
            ask_packet_filter({tools.begin() + 1, tools.end()}, fact, done);
        } else if (fact) {
            done(std::move(*fact));
        } else if (!outcome) {
            done(outcome.error());
        } else {
            done(Error{outcome->is_cut
                           ? "the packet filter has more rules than we read"
                           : "the packet filter could not be listed: " + printable(outcome->err)});
        }
    });
}

// Why not `pm2 jlist`: it prints the whole environment of every application, passwords included.
void MachineFacts::pm2_apps(const std::string& unit,
                            std::function<void(Result<std::string>)> done) {
    const auto take = [done = std::move(done)](Result<ToolOutcome> outcome) {
        if (!outcome) {
            done(outcome.error());
        } else if (outcome->exit_code != 0 || outcome->is_cut) {
            done(Error{"pm2 could not list its applications" +
                       (outcome->is_timed_out ? std::string{" in time"}
                                              : ": " + printable(outcome->err))});
        } else {
            done(ascii(std::move(outcome->out)));
        }
    };
    run_pm2(systemd_,
            runner_,
            {.unit = unit,
             .arguments = {"list", "--mini-list"},
             .deadline = kPm2Deadline,
             .max_output = kMaxPm2Bytes},
            take);
}

const std::string& MachineFacts::worker_user() {
    if (auto found = find_worker_user({})) {
        worker_user_ = std::move(*found);
    } else if (worker_user_.empty()) {
        worker_user_ = default_worker_user();
    }
    return worker_user_;
}

Result<std::string> MachineFacts::fingerprint(const std::string& unit) const {
    const auto service = known(unit);
    if (!service) {
        return Error{"no configuration is known for " + unit};
    }
    return fingerprint_of(*service);
}

Result<ConfigChange> MachineFacts::newest_change(const std::string& unit) const {
    const auto service = known(unit);
    if (!service) {
        return Error{"no configuration is known for " + unit};
    }
    GATEMEND_TRY(places, find_config_places(service->first_files));
    return find_newest_change(places);
}

std::vector<std::uint32_t> MachineFacts::processes(const std::string& unit) const {
    return find_processes(unit, {});
}

bool MachineFacts::is_known_valid(const std::string& unit, core::Duration max_age) const {
    const auto found = tests_.find(unit);
    if (found == tests_.end() || found->second.newest.verdict != "valid" ||
        clock_() - found->second.ended > max_age) {
        return false;
    }
    const auto current = fingerprint(unit);
    return current && *current == found->second.newest.fingerprint;
}

}  // namespace

Facts::~Facts() = default;

std::unique_ptr<Facts> Facts::make(ToolRunner& runner,
                                   bus::SystemdClient& systemd,
                                   std::function<core::Duration()> clock) {
    return std::make_unique<MachineFacts>(runner, systemd, std::move(clock));
}

}  // namespace gatemend::sandbox
