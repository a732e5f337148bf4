// SPDX-License-Identifier: MIT
#include "sandbox/audit/audit_file.hpp"
#include "sandbox/audit/audit_line.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace gatemend::sandbox {
namespace {

using core::Error;
using core::Result;

constexpr std::size_t kReadBytes = std::size_t{64} * 1024;

// One pass over the lines; remembers the first thing that is wrong.
class Verifier {
  public:
    Verifier(const std::string& path, const std::function<void(std::string_view)>& each)
        : path_(path),
          each_(each) {
        report_.head = first_prev();
    }

    void take_line(std::string_view line) {
        ++line_number_;
        const auto parsed = check_audit_line(line);
        if (!parsed) {
            note(AuditProblem::kBadLine, "was altered or is no record");
            // what follows is judged against the next good line, not against this one
            is_anchored_ = false;
            return;
        }
        if (is_anchored_ || report_.records == 0) {
            check_link(*parsed);
        }
        is_anchored_ = true;
        report_.head = std::string{parsed->hash};
        last_seq_ = parsed->seq;
        ++report_.records;
        each_(line);
    }

    void take_overlong_line() {
        ++line_number_;
        is_anchored_ = false;
        note(AuditProblem::kBadLine, "is longer than any record");
    }

    AuditReport finish(bool has_torn_line) {
        if (has_torn_line) {
            ++line_number_;
            note(AuditProblem::kTornLastLine, "has no end: the writer was interrupted");
        }
        return std::move(report_);
    }

  private:
    void check_link(const AuditLine& line) {
        if (line.prev != report_.head) {
            note(AuditProblem::kBrokenChain, "does not follow from the record before it");
        } else if (line.seq != last_seq_ + 1) {
            note(AuditProblem::kBadSequence, "is out of sequence");
        }
    }

    void note(AuditProblem problem, const char* what) {
        if (report_.problem != AuditProblem::kNone) {
            return;
        }
        report_.problem = problem;
        report_.line = line_number_;
        report_.text = path_ + ":" + std::to_string(line_number_) + ": this record " + what;
    }

    const std::string& path_;
    const std::function<void(std::string_view)>& each_;
    AuditReport report_;
    std::uint64_t line_number_ = 0;
    std::uint64_t last_seq_ = 0;
    bool is_anchored_ = true;
};

// Cuts a stream into lines of at most kMaxRecordBytes.
class LineSplitter {
  public:
    explicit LineSplitter(Verifier& verifier) : verifier_(verifier) {}

    void take(std::string_view bytes) {
        while (!bytes.empty()) {
            const std::size_t newline = bytes.find('\n');
            const std::string_view part = bytes.substr(0, newline);
            if (pending_.size() + part.size() <= kMaxRecordBytes) {
                pending_.append(part);
            } else {
                is_overlong_ = true;
            }
            if (newline == std::string_view::npos) {
                return;
            }
            bytes.remove_prefix(newline + 1);
            end_line();
        }
    }

    [[nodiscard]] bool has_rest() const { return is_overlong_ || !pending_.empty(); }

  private:
    void end_line() {
        if (is_overlong_) {
            verifier_.take_overlong_line();
        } else {
            verifier_.take_line(pending_);
        }
        pending_.clear();
        is_overlong_ = false;
    }

    Verifier& verifier_;
    std::string pending_;
    bool is_overlong_ = false;
};

Error errno_error(const std::string& what, const std::string& path) {
    return Error{what + " '" + path + "': " + std::generic_category().message(errno)};
}

}  // namespace

Result<AuditReport> read_audit(const std::string& path,
                               const std::function<void(std::string_view)>& each) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return errno_error("open", path);
    }
    Verifier verifier{path, each};
    LineSplitter splitter{verifier};
    std::string buffer(kReadBytes, '\0');
    for (;;) {
        const ssize_t got = read(fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            Error error = errno_error("read", path);
            close(fd);
            return error;
        }
        if (got == 0) {
            break;
        }
        splitter.take(std::string_view{buffer}.substr(0, static_cast<std::size_t>(got)));
    }
    close(fd);
    return verifier.finish(splitter.has_rest());
}

}  // namespace gatemend::sandbox
