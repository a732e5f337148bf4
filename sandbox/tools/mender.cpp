// SPDX-License-Identifier: MIT
#include "sandbox/tools/mender.hpp"

#include "core/inspection.hpp"
#include "core/one_line.hpp"
#include "core/text.hpp"
#include "sandbox/tools/own_socket.hpp"
#include "sandbox/tools/worker_user.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace gatemend::sandbox {
namespace {

using core::Error;
using core::Result;

constexpr const char* kMendPath = "/usr/lib/gatemend/gatemend-mend";
constexpr auto kMendDeadline = std::chrono::seconds{15};

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

// The folder that has to be writable. Of a drop-in the one above: gatemend-mend makes and removes
// the unit's folder, which must not be a mount point then. systemd starts no unit whose
// ReadWritePaths= do not exist.
std::string writable_folder(const std::string& path) {
    std::string folder = folder_of(path);
    if (folder.ends_with(".service.d")) {
        folder = folder_of(folder);
    }
    while (folder != "/" && access(folder.c_str(), F_OK) != 0) {
        folder = folder_of(folder);
    }
    return folder;
}

std::vector<std::string> folders_of(const std::vector<std::string>& paths) {
    std::vector<std::string> folders;
    std::ranges::transform(paths, std::back_inserter(folders), writable_folder);
    std::ranges::sort(folders);
    folders.erase(std::unique(folders.begin(), folders.end()), folders.end());
    return folders;
}

// What the order says, in the tool's words.
void add_order(std::vector<std::string>& argv, const actions::Plan& plan) {
    argv.emplace_back(actions::spec(plan.act).name);
    argv.push_back(plan.unit);
    argv.push_back(find_worker_user({}).value_or(default_worker_user()));
    for (const auto& [name, value] : plan.parameters) {
        argv.push_back(name);
        argv.back().append("=").append(value);
    }
}

class MachineMender final : public Mender {
  public:
    MachineMender(ToolRunner& runner, Facts& facts) : runner_(runner), facts_(facts) {}

    void preview(const actions::Plan& plan, unsigned candidate, Done done) override {
        std::vector<std::string> argv{kMendPath, "preview"};
        add_order(argv, plan);
        if (plan.act == actions::ActId::kRestoreConfig) {
            argv.push_back("candidate=" + std::to_string(candidate));
        }
        run_on_plan(plan, std::move(argv), {}, std::move(done));
    }

    void stage(const actions::Plan& plan, std::uint64_t attempt, Done done) override {
        std::vector<std::string> argv{kMendPath, "stage", std::to_string(attempt)};
        add_order(argv, plan);
        if (plan.act == actions::ActId::kRestoreConfig && !plan.changes.empty()) {
            argv.push_back("version=" + plan.changes.front().after);
        }
        run_on_plan(plan, std::move(argv), {kSnapshotRoot}, std::move(done));
    }

    void commit(std::uint64_t attempt, const std::vector<std::string>& paths, Done done) override {
        write({kMendPath, "commit", std::to_string(attempt)}, paths, std::move(done));
    }

    void review(const UndoOrder& order, Done done) override {
        run(undo_words("review", order), {}, std::move(done));
    }

    void undo(const UndoOrder& order, Done done) override {
        write(undo_words("undo", order), order.paths, std::move(done));
    }

    void forget(std::uint64_t attempt, Done done) override {
        write({kMendPath, "forget", std::to_string(attempt)}, {}, std::move(done));
    }

    void keep(const std::string& unit, Done done) override {
        run({kMendPath, "keep", unit}, {kGoodRoot}, std::move(done));
    }

  private:
    static std::vector<std::string> undo_words(const char* what, const UndoOrder& order) {
        std::vector<std::string> argv{kMendPath, what, std::to_string(order.attempt)};
        if (order.is_asked) {
            argv.emplace_back("asked");
        }
        if (order.is_performed) {
            argv.emplace_back("performed");
        }
        return argv;
    }

    void write(std::vector<std::string> argv, const std::vector<std::string>& paths, Done done) {
        std::vector<std::string> writable = folders_of(paths);
        writable.emplace_back(kSnapshotRoot);
        run(std::move(argv), std::move(writable), std::move(done));
    }

    void run_on_plan(const actions::Plan& plan,
                     std::vector<std::string> argv,
                     std::vector<std::string> writable,
                     Done done) {
        if (plan.act != actions::ActId::kFixSocketOwner) {
            run(std::move(argv), std::move(writable), std::move(done));
            return;
        }
        const auto socket = plan.parameters.find("socket");
        const std::string address = socket == plan.parameters.end() ? "" : socket->second;
        facts_.inspect(plan.unit,
                       address,
                       [this,
                        unit = plan.unit,
                        address,
                        argv = std::move(argv),
                        writable = std::move(writable),
                        done = std::move(done)](const Result<std::string>& text) mutable {
                           const auto cookie = own_socket(text, unit, address);
                           if (!cookie) {
                               done(Error{core::sanitize(cookie.error().text)});
                               return;
                           }
                           argv.push_back("listener=" + std::to_string(*cookie));
                           run(std::move(argv), std::move(writable), std::move(done));
                       });
    }

    static Result<std::uint64_t> own_socket(const Result<std::string>& text,
                                            const std::string& unit,
                                            const std::string& address) {
        GATEMEND_TRY(seen, text);
        GATEMEND_TRY(inspection, core::decode_inspection(seen));
        return find_own_socket(inspection, unit, address);
    }

    void run(std::vector<std::string> argv, std::vector<std::string> writable, Done done) {
        ToolSpec spec;
        spec.profile = ToolProfile::kMend;
        spec.argv = std::move(argv);
        spec.deadline = kMendDeadline;
        spec.max_output = actions::kMaxMendingBytes;
        spec.writable = std::move(writable);
        runner_.run(spec, [done = std::move(done)](const Result<ToolOutcome>& outcome) {
            if (!outcome) {
                done(outcome.error());
            } else if (outcome->is_timed_out || outcome->is_cut) {
                done(Error{"gatemend-mend did not finish in time"});
            } else if (outcome->exit_code != 0) {
                done(Error{outcome->err.empty() ? "gatemend-mend could not run, exit code " +
                                                      std::to_string(outcome->exit_code)
                                                : core::sanitize(core::one_line(outcome->err),
                                                                 actions::kMaxDetailBytes)});
            } else {
                done(actions::decode_mending(outcome->out));
            }
        });
    }

    ToolRunner& runner_;
    Facts& facts_;
};

}  // namespace

Mender::~Mender() = default;

std::unique_ptr<Mender> Mender::make(ToolRunner& runner, Facts& facts) {
    return std::make_unique<MachineMender>(runner, facts);
}

}  // namespace gatemend::sandbox
